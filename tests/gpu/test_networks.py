"""Whole networks on the device: gradients, training beside the CPU, the same bits again, rollout."""

import numpy as np
import pytest

from kernels.specs import GRADIENT_ERROR
from tests.gpu.networks import CASES, LOSS_ERROR

pytestmark = pytest.mark.gpu

STEPS = 10


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_float64(name: str, precision: str) -> None:
    case = CASES[name]
    x, y = case.batch()
    expected_loss, expected = case.network("reference").loss_and_gradients(x, y)
    loss, actual = case.network("cuda", precision).loss_and_gradients(x, y)
    assert loss == pytest.approx(expected_loss, rel=LOSS_ERROR[precision])
    assert list(actual) == list(expected)
    square = {key: float(np.sum((actual[key] - expected[key]) ** 2)) for key in expected}
    size = np.sqrt(sum(float(np.sum(gradient**2)) for gradient in expected.values()))
    allowed = case.gradient_error(precision)
    assert np.sqrt(sum(square.values())) <= allowed * size, square
    for key, gradient in expected.items():
        if case.shape[1] == 1 and key.endswith("recurrent_kernel"):
            assert not actual[key].any(), "one frame has no past to learn from"
        else:
            assert np.abs(actual[key]).max() > 0, key
            assert np.sqrt(square[key]) <= 10 * allowed * np.linalg.norm(gradient) + 1e-7, key


def test_ten_steps_follow_the_cpu(precision: str) -> None:
    case = CASES["odd"]
    x, y = case.batch()
    on_device, on_cpu = case.network("cuda", precision), case.network("cpu")
    losses = np.array([[network.train_on_batch(x, y) for _ in range(STEPS)] for network in (on_device, on_cpu)])
    np.testing.assert_allclose(losses[0], losses[1], rtol=LOSS_ERROR[precision])
    assert losses[0, -1] < losses[0, 0], "nothing was learned"
    x, y = case.batch(seed=5)
    assert on_device.evaluate(x, y) == pytest.approx(on_cpu.evaluate(x, y), rel=LOSS_ERROR[precision])


@pytest.mark.parametrize("name", ["odd", "example"])
def test_the_same_training_gives_the_same_bits(name: str, precision: str) -> None:
    case = CASES[name]
    x, y = case.batch()
    states = []
    for _ in range(2):
        network = case.network("cuda", precision)
        network.fit(x, y, batch_size=2, epochs=2, verbose=0)
        states.append(network.state_arrays())
    for key, first in states[0].items():
        np.testing.assert_array_equal(states[1][key], first, err_msg=key)


@pytest.mark.parametrize("name", ["odd", "one"])
def test_the_streamed_rollout_is_the_growing_track(name: str, precision: str) -> None:
    case = CASES[name]
    network = case.network("cuda", precision)
    x, y = case.batch()
    for _ in range(2):
        network.train_on_batch(x, y)
    track = x
    for _ in range(4):
        track = np.concatenate((track, network.predict(track)[:, -1:]), axis=1)
    new = network.rollout(x, 4)
    assert np.abs(np.diff(new, axis=1)).max() > 1e-4, "a still picture proves nothing"
    np.testing.assert_allclose(new, track[:, x.shape[1] :], atol=GRADIENT_ERROR[precision])
