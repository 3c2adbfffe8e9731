"""Work that is replayed as CUDA graphs gives the bits of the same work launched kernel by kernel."""

import logging

import numpy as np
import pytest

from bench.cuda.device import Device
from engine.batch_sources import Batch
from tests.gpu.networks import CASES

pytestmark = pytest.mark.gpu

STEPS = 5
MANY = 10_000


def test_replayed_steps_give_the_same_bits(device: Device, precision: str, caplog: pytest.LogCaptureFixture) -> None:
    case = CASES["odd"]
    x, y = case.batch()
    with caplog.at_level(logging.WARNING, "kernels.cuda"):
        replayed = case.network("cuda", precision)
        with device.engine(graphs=False):
            launched = case.network("cuda", precision)
        losses = [(launched.train_on_batch(x, y), replayed.train_on_batch(x, y)) for _ in range(STEPS)]
        for _ in range(3):
            np.testing.assert_array_equal(replayed.predict(x), launched.predict(x))
            assert replayed.evaluate(x, y) == launched.evaluate(x, y)
    assert not caplog.records, "the device refused to record"
    assert len({loss for loss, _ in losses}) == STEPS, "nothing moved"
    assert all(loss == again for loss, again in losses), losses
    for key, array in launched.state_arrays().items():
        np.testing.assert_array_equal(replayed.state_arrays()[key], array, err_msg=key)


def test_many_replays_go_on(device: Device) -> None:
    case = CASES["one"]
    network = case.network("cuda")
    backend = network.backend
    x, y = (backend.from_host(movies) for movies in case.batch())
    losses = backend.zeros((20 if device.simulated else MANY,), np.float64)
    for step in range(len(losses)):
        network.train_step(Batch(x, y, None, np.arange(1)), losses[step : step + 1])
    host = backend.to_host(losses)
    assert np.isfinite(host).all() and host[-1] < host[0]
