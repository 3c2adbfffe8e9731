"""Work that is replayed as CUDA graphs gives the bits of the same work launched kernel by kernel."""

import copy
import logging
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from bench.cuda.device import Device
from engine import Sequential
from engine.runtime.batch import Batch
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
        network.train_step(Batch((x,), (y,), (None,), np.arange(1)), losses[step : step + 1])
    host = backend.to_host(losses)
    assert np.isfinite(host).all() and host[-1] < host[0]


def test_replays_of_networks_that_share_layers(device: Device) -> None:
    """Each replays on buffers of its own; the weights go from one to the other between the replays."""
    case = CASES["odd"]
    x, y = case.batch()
    found = []
    for graphs in (True, False):
        with device.engine(graphs=graphs):
            network = case.network("cuda")
            features = Sequential(network.layers[:2], device="cuda", seed=1)
            seen = []
            for _ in range(STEPS):
                seen.append(network.train_on_batch(x, y))
                seen.append(float(np.abs(features.predict(x, verbose=0)).sum()))
            twin = copy.deepcopy(network)
            seen += [network.train_on_batch(x, y), twin.train_on_batch(x, y)]
        alone = case.network("cuda")
        expected = [alone.train_on_batch(x, y) for _ in range(STEPS + 1)]
        assert seen[: 2 * STEPS : 2] == expected[:STEPS] and seen[-2:] == [expected[-1]] * 2
        assert len(set(seen[1 : 2 * STEPS : 2])) == STEPS
        found.append(seen)
    assert found[0] == found[1]


def test_threads_take_turns_also_while_one_records(device: Device) -> None:
    case = CASES["odd"]
    x, y = case.batch()
    network, alone = case.network("cuda"), case.network("cuda")
    expected = [(alone.train_on_batch(x, y), alone.evaluate(x, y, verbose=0)) for _ in range(STEPS)]
    features = Sequential(network.layers[:2], device="cuda", seed=1)
    with ThreadPoolExecutor(3) as pool:
        trained = pool.submit(lambda: [network.train_on_batch(x, y) for _ in range(STEPS)])
        scored = pool.submit(lambda: [network.evaluate(x, y, verbose=0) for _ in range(STEPS)])
        seen = pool.submit(lambda: [features.predict(x, verbose=0) for _ in range(STEPS)])
        assert trained.result() == [loss for loss, _ in expected]
        begun = case.network("cuda").evaluate(x, y, verbose=0)
        assert set(scored.result()) <= {begun, *(score for _, score in expected)}
        assert np.isfinite(seen.result()).all()
    for key, array in alone.state_arrays().items():
        np.testing.assert_array_equal(network.state_arrays()[key], array, err_msg=key)
