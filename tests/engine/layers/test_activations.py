"""Activations wherever layers take them: gradients, what may be given, memory, and the losses that fold them in."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import engine
from engine import Activation, Conv2D, Conv3D, ConvLSTM2D, Dense, Sequential
from engine.layers import Layer
from kernels import Backend
from kernels.activations import ACTIVATIONS
from kernels.select import open_backend
from tests.engine.networks import movies, targets
from tests.kernels.directional import check_direction
from tests.kernels.test_elementwise import WITH_PARAMETERS
from tests.simulated import simulate_device

ALL = [*ACTIVATIONS, *WITH_PARAMETERS]
SHAPE = (None, 4, 3, 2)
RECURRENT: dict[str, Any] = {"padding": "same", "return_sequences": True}

PLACES: dict[str, Callable[[str], list[Layer]]] = {
    "conv3d": lambda name: [Conv3D(3, 2, padding="same", activation=name, input_shape=SHAPE)],
    "cell": lambda name: [ConvLSTM2D(2, 3, activation=name, input_shape=SHAPE, **RECURRENT)],
    "gates": lambda name: [ConvLSTM2D(2, 3, recurrent_activation=name, input_shape=SHAPE, **RECURRENT)],
    "layer": lambda name: [Conv3D(3, 1, input_shape=SHAPE), Activation(name)],
}
CASES = [(name, place) for name in ALL for place in PLACES] + [("softmax", place) for place in ("conv3d", "layer")]


def network(name: str, place: str, device: str, dtype: str = "float64") -> Sequential:
    """An activation in one place, and a head behind it."""
    built = Sequential([*PLACES[place](name), Conv3D(1, 1)], device=device, dtype=dtype, seed=5)
    built.compile(loss="mse", optimizer="sgd")
    return built


def data() -> tuple[Any, Any]:
    """Movies and targets."""
    x = movies(n=2, frames=2, height=4, width=3, channels=2) * 2.0 - 1.0
    return x, targets(x, 1)


@pytest.mark.parametrize(("name", "place"), CASES)
def test_gradients_are_numeric_derivatives(name: str, place: str) -> None:
    built, (x, y) = network(name, place, "reference"), data()
    _, gradients = built.loss_and_gradients(x, y)
    for weight in built.trainable_weights:
        at = weight.to_host()

        def loss(value: np.ndarray, weight=weight) -> float:
            weight.assign(value)
            return built.loss_and_gradients(x, y)[0]

        check_direction(loss, at, gradients[weight.name], weight.name)
        weight.assign(at)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize(("name", "place"), CASES)
def test_back_ends_agree(name: str, place: str, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    simulate_device(monkeypatch, checked=False)
    x, y = data()
    _, expected = network(name, place, "reference").loss_and_gradients(x, y)
    built = network(name, place, device, "float32")
    _, gradients = built.loss_and_gradients(x, y)
    for weight, gradient in expected.items():
        error = np.linalg.norm(gradients[weight] - gradient) / np.linalg.norm(gradient)
        assert error < 1e-4, weight
    found = network(name, place, "reference").predict(x)
    np.testing.assert_allclose(built.predict(x), found, rtol=1e-4, atol=1e-5)


GIVEN: dict[str, tuple[Any, str]] = {
    "none": (None, "linear"),
    "alias": ("swish", "silu"),
    "text": ("leaky_relu(negative_slope=0.20)", "leaky_relu"),
    "function": (engine.activations.selu, "selu"),
    "old-function": (engine.activations.relu6, "clipped_relu"),
    "layer": (engine.LeakyReLU(), "leaky_relu(negative_slope=0.3)"),
    "layer-of-keras-2": (engine.LeakyReLU(alpha=0.1), "leaky_relu(negative_slope=0.1)"),
    "plain-layer": (engine.ReLU(), "relu"),
    "clipped": (engine.ReLU(2.0, threshold=1.0), "clipped_relu(max_value=2.0, threshold=1.0)"),
    "unclipped": (engine.ReLU(threshold=1.0), "clipped_relu(max_value=inf, threshold=1.0)"),
    "elu": (engine.ELU(0.5), "elu(alpha=0.5)"),
    "rows": (engine.Softmax(), "softmax"),
    "activation": (engine.Activation("gelu"), "gelu"),
    "lambda": (lambda x: engine.LeakyReLU(0.3)(x), "leaky_relu(negative_slope=0.3)"),  # noqa: PLW0108
    "lambda-of-function": (lambda x: engine.activations.relu(x, max_value=3.0), "clipped_relu(max_value=3.0)"),
}


@pytest.mark.parametrize("case", GIVEN)
def test_what_may_be_given_and_what_is_kept(case: str) -> None:
    given, kept = GIVEN[case]
    for layer in (Conv3D(1, 1, activation=given), Dense(2, activation=given), Activation(given)):
        assert layer.get_config()["activation"] == kept
        assert type(layer)(**layer.get_config()).get_config() == layer.get_config()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("mish", "activation: expected one of 'linear', .*, got 'mish'"),
        (np.tanh, "activation: expected a name such as 'relu', .* got <ufunc 'tanh'>"),
        (lambda x: x, "activation: expected a name such as 'relu', .* got <function"),
        (lambda x: engine.ReLU()(engine.ELU()(x)), "activation: expected a name such as 'relu', .* got <function"),
        (engine.Dense(3), "activation: expected a name such as 'relu', .* got <engine"),
        (engine.Softmax(axis=1), "axis: expected -1 for the activation of another layer, got 1"),
        ("elu(alpha=-1)", "alpha: expected a number of at least 0, got -1"),
    ],
)
def test_what_is_no_activation_is_refused(given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Conv3D(1, 1, activation=given)


def test_softmax_is_refused_where_it_would_not_be_over_channels() -> None:
    with pytest.raises(ValueError, match="recurrent_activation: expected a function of each element"):
        ConvLSTM2D(1, 1, recurrent_activation="softmax")
    with pytest.raises(ValueError, match=r"softmax with data_format='channels_first' .* add a Softmax\(axis=1\)"):
        Conv2D(1, 1, activation="softmax", data_format="channels_first")


def test_functions_compute_on_arrays_and_are_layers_on_symbolic_tensors() -> None:
    x = np.array([-2.0, -0.5, 0.5, 8.0])
    np.testing.assert_allclose(engine.activations.relu(x, max_value=6.0), [0.0, 0.0, 0.5, 6.0])
    np.testing.assert_allclose(engine.activations.elu(x), np.where(x > 0, x, np.expm1(x)))
    np.testing.assert_allclose(engine.activations.softmax(np.zeros((2, 4)), axis=0), 0.5)
    assert engine.activations.gelu(x.astype(np.float32), approximate=True).dtype == np.float32
    assert (
        engine.activations.get("swish") == engine.activations.silu == engine.activations.get(engine.Activation("silu"))
    )
    assert engine.activations.serialize(engine.LeakyReLU(0.3)) == "leaky_relu(negative_slope=0.3)"
    with pytest.raises(ValueError, match="tanh: expected an array alone, got axis too"):
        engine.activations.tanh(x, axis=1)
    inputs = engine.Input((2, 3, 4, 1))
    outputs = engine.activations.softmax(engine.activations.leaky_relu(inputs, negative_slope=0.5), axis=2)
    movie = np.random.default_rng(0).standard_normal((1, 2, 3, 4, 1))
    expected = engine.activations.softmax(np.where(movie > 0, movie, 0.5 * movie), axis=2)
    model = engine.Model(inputs, outputs, device="reference", dtype="float64")
    np.testing.assert_allclose(model.predict(movie), expected, rtol=1e-12)


class Counting:
    """A back end that counts the arrays that are asked of it."""

    def __init__(self, backend: Backend) -> None:
        self._backend, self.arrays = backend, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def empty(self, *arguments: Any) -> Any:
        self.arrays += 1
        return self._backend.empty(*arguments)


@pytest.mark.parametrize(("name", "training", "more"), [("gelu", True, 1), ("gelu", False, 0), ("elu", True, 0)])
def test_only_what_needs_its_input_takes_memory_of_its_own(name: str, training: bool, more: int) -> None:
    found = []
    for activation in (name, "linear"):
        layer = Conv3D(3, 1, activation=activation)
        layer.build((2, 4, 3, 2), np.random.default_rng(0))
        backend: Any = Counting(open_backend("reference", "float64"))
        for weight in layer.weights:
            weight.place_alone(backend)
        before = backend.arrays
        layer.bind(backend, (2, 4, 3, 2), 1, training)
        found.append(backend.arrays - before)
    assert found[0] - found[1] == more


LAST: dict[str, list[Layer]] = {
    "argument": [Conv3D(1, 1, activation="sigmoid")],
    "layer": [Conv3D(1, 1), Activation("sigmoid")],
    "object": [Conv3D(1, 1, activation=Activation("sigmoid"))],
}


@pytest.mark.parametrize("last", LAST)
def test_a_loss_folds_a_last_sigmoid_in_wherever_it_stands(last: str) -> None:
    """Where a sigmoid saturates its loss is that of the logits, without Keras' margin: 50, not 16.1."""
    built = Sequential(LAST[last], device="reference", dtype="float64", seed=1)
    built.compile(loss="binary_crossentropy", optimizer="sgd")
    x = np.ones((1, 1, 2, 2, 1))
    built.build(x.shape[1:])
    built.set_weights([np.full((1, 1, 1, 1, 1), 50.0), np.zeros(1)])
    loss, gradients = built.loss_and_gradients(x, 0.0 * x)
    assert loss == pytest.approx(50.0)
    assert all(gradient.ravel() == pytest.approx(1.0) for gradient in gradients.values())
    np.testing.assert_allclose(built.predict(x), 1.0)


LAST_OF_ROWS: dict[str, list[Layer]] = {
    "argument": [Conv3D(2, 1, activation="softmax")],
    "name": [Conv3D(2, 1), Activation("softmax")],
    "layer": [Conv3D(2, 1), engine.Softmax()],
}


@pytest.mark.parametrize("last", LAST_OF_ROWS)
def test_a_loss_folds_a_last_softmax_in_wherever_it_stands(last: str) -> None:
    built = Sequential(LAST_OF_ROWS[last], device="reference", dtype="float64", seed=1)
    built.compile(loss="categorical_crossentropy", optimizer="sgd")
    x = np.ones((1, 1, 2, 2, 1))
    built.build(x.shape[1:])
    built.set_weights([np.array([50.0, 0.0]).reshape(1, 1, 1, 1, 2), np.zeros(2)])
    loss, gradients = built.loss_and_gradients(x, np.broadcast_to([0.0, 1.0], (1, 1, 2, 2, 2)))
    assert loss == pytest.approx(50.0)
    for gradient in gradients.values():
        np.testing.assert_allclose(gradient.ravel(), [1.0, -1.0])
    np.testing.assert_allclose(built.predict(x).sum(axis=-1), 1.0)
