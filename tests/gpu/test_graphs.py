"""A training step replayed as a CUDA graph is the training step launched kernel by kernel."""

import numpy as np
import pytest

from bench.cuda.device import Device
from bench.cuda.graph_step import GraphForward, GraphStep
from tests.gpu.networks import CASES

pytestmark = pytest.mark.gpu

STEPS = 5
MANY = 10_000


def test_a_replayed_step_gives_the_same_bits(precision: str) -> None:
    case = CASES["odd"]
    x, y = case.batch()
    launched, replayed = case.network("cuda", precision), case.network("cuda", precision)
    step = GraphStep(replayed, x, y)
    losses = []
    for _ in range(STEPS):
        step()
        losses.append((launched.train_on_batch(x, y), step.loss()))
    assert len({loss for loss, _ in losses}) == STEPS, "nothing moved"
    assert all(loss == graph_loss for loss, graph_loss in losses), losses
    for key, array in launched.state_arrays().items():
        np.testing.assert_array_equal(replayed.state_arrays()[key], array, err_msg=key)


def test_a_replayed_forward_gives_the_same_bits(precision: str) -> None:
    case = CASES["odd"]
    network = case.network("cuda", precision)
    x, _ = case.batch()
    forward = GraphForward(network, x)
    for _ in range(2):
        forward()
    np.testing.assert_array_equal(forward.result(), network.predict(x))


def test_many_replays_go_on(device: Device) -> None:
    case = CASES["one"]
    network = case.network("cuda")
    step = GraphStep(network, *case.batch())
    for number in range(20 if device.simulated else MANY):
        step()
        if number % 1000 == 0:
            assert np.isfinite(step.loss())
    assert np.isfinite(step.loss())
