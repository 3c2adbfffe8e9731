"""Networks of every argument on the simulated device: recorded steps, losses, gradients and predictions."""

import numpy as np
import pytest

from engine import Conv3D, Sequential
from tests.engine.layers.layer_cases import CASES, batch, network

CLOSE = 2e-5
"""Relative in norm; both sides are right to a few 1e-6 in float32."""

IN_BFLOAT16 = ["relu", "both-dropouts", "conv3d-strides", "norm-rows"]


def error(actual: np.ndarray, expected: np.ndarray) -> float:
    assert np.linalg.norm(expected) > 0
    return float(np.linalg.norm(actual - expected) / np.linalg.norm(expected))


@pytest.mark.usefixtures("fast_simulated_device")
@pytest.mark.parametrize("case", CASES)
def test_the_device_computes_what_the_reference_computes(case: str) -> None:
    reference, device = network(case, "reference"), network(case, "cuda", "float32")
    device.set_weights(reference.get_weights())
    x, y = batch(reference)
    expected_loss, expected = reference.loss_and_gradients(x, y)
    loss, gradients = device.loss_and_gradients(x, y)
    assert loss == pytest.approx(expected_loss, rel=CLOSE)
    for name, gradient in expected.items():
        assert error(gradients[name], gradient) < 10 * CLOSE, name
    for _ in range(3):  # the first two launch and record, the third replays
        assert device.train_on_batch(x, y) == pytest.approx(reference.train_on_batch(x, y), rel=CLOSE)
    assert device.evaluate(x, y) == pytest.approx(reference.evaluate(x, y), rel=CLOSE)
    assert error(device.predict(x), reference.predict(x)) < 10 * CLOSE


@pytest.mark.usefixtures("fast_simulated_device")
@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
@pytest.mark.parametrize("case", IN_BFLOAT16)
def test_other_precisions_come_near(case: str, precision: str) -> None:
    reference = network(case, "reference")
    device = Sequential.from_config(reference.get_config(), "cuda", "float32", precision=precision, seed=4)
    device.build()
    device.set_weights(reference.get_weights())
    x, y = batch(reference)
    expected_loss, expected = reference.loss_and_gradients(x, y)
    loss, gradients = device.loss_and_gradients(x, y)
    assert loss == pytest.approx(expected_loss, rel=2e-2)
    for name, gradient in expected.items():
        assert error(gradients[name], gradient) < 0.1, name


@pytest.mark.usefixtures("fast_simulated_device")
def test_constraints_hold_on_the_device() -> None:
    built = Sequential(
        [
            Conv3D(
                3,
                2,
                kernel_constraint={"class_name": "MaxNorm", "config": {"max_value": 0.1}},
                bias_constraint="NonNeg",
            )
        ],
        device="cuda",
        seed=1,
    )
    built.compile(loss="mse", optimizer="adadelta")
    x = np.random.default_rng(0).random((2, 3, 4, 5, 2))
    for _ in range(3):
        built.train_on_batch(x, -np.ones((2, 2, 3, 4, 3)))
    kernel, bias = built.get_weights()
    assert np.sqrt((kernel**2).sum(axis=0)).max() == pytest.approx(0.1, rel=1e-4)
    np.testing.assert_array_equal(bias, np.zeros(3))
