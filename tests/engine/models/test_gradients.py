"""Whole networks: their gradients against numeric derivatives, and the back ends against each other."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import BatchNormalization, Conv3D, ConvLSTM2D, Sequential
from tests.engine.networks import FLOAT64_DEVICES, movies, seed_like, targets
from tests.kernels.directional import check_direction

Builder = Callable[[str], Sequential]


def mse_network(device: str) -> Sequential:
    """Convolutions before and after the recurrence, every activation, a mean squared error."""
    network = Sequential(device=device, dtype="float64", seed=5)
    network.add(Conv3D(3, (2, 1, 3), padding="causal", activation="tanh", input_shape=(None, None, None, 3)))
    network.add(
        ConvLSTM2D(4, (5, 1), padding="same", return_sequences=True, recurrent_activation="hard_sigmoid_keras3")
    )
    network.add(Conv3D(3, (3, 3, 3), padding="same", activation="relu"))
    network.add(BatchNormalization())
    network.add(Conv3D(2, 1, padding="same", activation="sigmoid"))
    network.compile(loss="mse", optimizer="adadelta")
    return network


BUILDERS: dict[str, tuple[Builder, int, int]] = {
    "seed_like": (seed_like, 1, 1),
    "causal_head": (lambda device: seed_like(device, head="causal"), 1, 1),
    "three_channels": (lambda device: seed_like(device, channels=3), 3, 3),
    "mse": (mse_network, 3, 2),
}


@pytest.mark.parametrize("device", FLOAT64_DEVICES)
@pytest.mark.parametrize("frames", [1, 4])
@pytest.mark.parametrize("name", BUILDERS)
def test_every_gradient_is_the_numeric_derivative(device: str, name: str, frames: int) -> None:
    build, channels_in, channels_out = BUILDERS[name]
    network = build(device)
    x = movies(frames=frames, channels=channels_in)
    y = targets(x, channels_out)
    _, gradients = network.loss_and_gradients(x, y)
    assert list(gradients) == [weight.name for weight in network.trainable_weights]
    for weight in network.trainable_weights:
        at = weight.to_host()
        if frames == 1 and weight.name.endswith("recurrent_kernel"):
            assert not gradients[weight.name].any(), "one frame has no past to learn from"
            continue

        def loss(value: np.ndarray, weight=weight) -> float:
            weight.assign(value)
            return network.loss_and_gradients(x, y)[0]

        check_direction(loss, at, gradients[weight.name], weight.name)
        weight.assign(at)


@pytest.mark.parametrize("name", BUILDERS)
def test_back_ends_give_the_same_gradients(name: str) -> None:
    build, channels_in, channels_out = BUILDERS[name]
    x = movies(channels=channels_in)
    y = targets(x, channels_out)
    expected_loss, expected = build("reference").loss_and_gradients(x, y)
    loss, gradients = build("cpu").loss_and_gradients(x, y)
    assert loss == pytest.approx(expected_loss, rel=1e-12)
    for weight_name, gradient in expected.items():
        error = np.linalg.norm(gradients[weight_name] - gradient) / np.linalg.norm(gradient)
        assert error < 1e-10, weight_name


def test_loss_and_gradients_change_nothing() -> None:
    network = seed_like("reference")
    x = movies()
    before = network.get_weights()
    network.loss_and_gradients(x, targets(x))
    for was, weight in zip(before, network.weights, strict=True):
        np.testing.assert_array_equal(weight.to_host(), was, err_msg=weight.name)


@pytest.mark.parametrize("device", FLOAT64_DEVICES)
def test_every_weight_moves_in_one_step(device: str) -> None:
    network = seed_like(device)
    x = movies()
    network.build(x.shape[1:])
    before = network.get_weights()
    network.train_on_batch(x, targets(x))
    for was, weight in zip(before, network.weights, strict=True):
        assert np.abs(weight.to_host() - was).max() > 0, weight.name


@settings(max_examples=15, deadline=None)
@given(
    frames=st.integers(1, 3),
    batch=st.integers(1, 2),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    channels=st.integers(1, 3),
    filters=st.integers(1, 9),
    kernel=st.tuples(st.sampled_from([1, 3, 5]), st.sampled_from([1, 3, 5])),
    depth=st.integers(1, 4),
    head=st.sampled_from(["same", "causal"]),
)
def test_any_shape_gives_the_reference_result_on_the_cpu(
    frames, batch, height, width, channels, filters, kernel, depth, head
) -> None:
    def build(device: str) -> Sequential:
        network = Sequential(device=device, dtype="float64", seed=1)
        network.add(ConvLSTM2D(filters, kernel, padding="same", return_sequences=True))
        network.add(BatchNormalization())
        network.add(Conv3D(channels, (depth, *kernel), padding=head, activation="sigmoid"))
        network.compile(loss="binary_crossentropy", optimizer="adadelta")
        return network

    x = movies(batch, frames, height, width, channels)
    y = targets(x)
    expected_loss, expected = build("reference").loss_and_gradients(x, y)
    network = build("cpu")
    loss, gradients = network.loss_and_gradients(x, y)
    assert loss == pytest.approx(expected_loss, rel=1e-10)
    scale = max(np.abs(gradient).max() for gradient in expected.values())
    for name, gradient in expected.items():
        np.testing.assert_allclose(gradients[name], gradient, atol=1e-10 * scale, err_msg=name)
    reference = build("reference")
    np.testing.assert_allclose(network.predict(x), reference.predict(x), atol=1e-12)
