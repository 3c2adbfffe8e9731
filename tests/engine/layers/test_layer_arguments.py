"""Every argument of every layer: gradients, configurations, and the back ends against each other."""

import numpy as np
import pytest

from engine import Sequential
from tests.engine.layers.layer_cases import CASES, MOVIE, batch, network
from tests.engine.networks import FLOAT64_DEVICES
from tests.kernels.directional import check_direction


@pytest.mark.parametrize("case", CASES)
def test_every_gradient_is_the_numeric_derivative(case: str) -> None:
    built = network(case, "reference")
    x, y = batch(built)
    _, gradients = built.loss_and_gradients(x, y)
    assert list(gradients) == [weight.name for weight in built.trainable_weights]
    assert gradients
    for weight in built.trainable_weights:
        at = weight.to_host()

        def loss(value: np.ndarray, weight=weight) -> float:
            weight.assign(value)
            return built.loss_and_gradients(x, y)[0]

        check_direction(loss, at, gradients[weight.name], weight.name)
        weight.assign(at)


@pytest.mark.parametrize("case", CASES)
def test_back_ends_agree(case: str) -> None:
    reference, other = network(case, "reference"), network(case, "cpu")
    x, y = batch(reference)
    expected_loss, expected = reference.loss_and_gradients(x, y)
    loss, gradients = other.loss_and_gradients(x, y)
    assert loss == pytest.approx(expected_loss, rel=1e-11)
    for name, gradient in expected.items():
        assert np.linalg.norm(gradients[name] - gradient) < 1e-10 * np.linalg.norm(gradient), name
    for _ in range(2):
        assert other.train_on_batch(x, y) == pytest.approx(reference.train_on_batch(x, y), rel=1e-11)
    assert other.evaluate(x, y) == pytest.approx(reference.evaluate(x, y), rel=1e-11)
    np.testing.assert_allclose(other.predict(x), reference.predict(x), atol=1e-10)


@pytest.mark.parametrize("case", CASES)
def test_configurations_come_back(case: str) -> None:
    built = network(case, "reference")
    again = Sequential.from_config(built.get_config(), device="reference")
    assert again.get_config() == built.get_config()
    again.build()
    again.set_weights(built.get_weights())
    x, _ = batch(built)
    np.testing.assert_array_equal(again.predict(x), built.predict(x))


@pytest.mark.parametrize("device", FLOAT64_DEVICES)
@pytest.mark.parametrize("case", ["strides-valid", "last_frame-composed", "conv3d-channels_first", "norm-last-frame"])
def test_outputs_have_the_announced_shape(device: str, case: str) -> None:
    built = network(case, device)
    x, _ = batch(built)
    assert built.predict(x, batch_size=1).shape == (2, *built.output_shape(MOVIE))
