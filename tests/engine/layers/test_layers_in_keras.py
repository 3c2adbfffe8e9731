"""Layer by layer against what real Keras computed in float64: convolutions, Dense, activations and others."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

from engine.layers import LAYERS, Layer
from engine.layers.weight import time_major
from kernels.select import open_backend
from tests.engine.networks import FLOAT64_DEVICES
from tests.fixtures import keras_activation_cases, keras_layer_cases, keras_product_cases
from tests.paths import FIXTURES

Array = np.ndarray[Any, Any]

CASES = keras_product_cases.CASES | keras_layer_cases.CASES | keras_activation_cases.CASES

TOLERANCE, OF_FLOAT32_CONSTANTS = 1e-9, 1e-6
"""Relative to the largest number of an array, in float64; and where TensorFlow's constants are float32."""


@pytest.fixture(scope="module")
def keras() -> Iterator[dict[str, Array]]:
    kept: dict[str, Array] = {}
    for path in ("keras_products.npz", "keras_layers.npz", "keras_activations.npz"):
        with np.load(FIXTURES / path, allow_pickle=False) as file:
            kept |= dict(file)
    yield kept


def arrays_of(keras: dict[str, Array], case: str) -> dict[str, Array]:
    """What Keras computed in a case."""
    return {name.split("/")[1]: array for name, array in keras.items() if name.startswith(f"{case}/")}


def built(case: str, weights: list[Array]) -> Layer:
    """The case's layer with these weights, of any backend yet to come."""
    arguments = keras_activation_cases.arguments_of(CASES[case], lambda kind, given: LAYERS[kind](**given), {})
    layer = LAYERS[CASES[case].class_name](**arguments)
    layer.build(CASES[case].shape[1:], np.random.default_rng(0))
    assert [weight.shape for weight in layer.weights] == [array.shape for array in weights]
    for weight, array in zip(layer.weights, weights, strict=True):
        weight.assign(array)
    return layer


def on_back_end(array: Array) -> Array:
    """A batch of any rank as arrays of back ends are: five axes, frames first where it has them."""
    frames_first = array.swapaxes(0, 1) if array.ndim == 5 else array
    return np.ascontiguousarray(frames_first).reshape(time_major(array.shape[1:], len(array)))


def close(actual: Any, expected: Array, what: str, tolerance: float = TOLERANCE) -> None:
    bound = tolerance * max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=bound, err_msg=what)


@pytest.mark.parametrize("device", FLOAT64_DEVICES)
@pytest.mark.parametrize("case", CASES)
def test_a_layer_is_keras(case: str, device: str, keras: dict[str, Array]) -> None:
    kept = arrays_of(keras, case)
    rounded = case.endswith(keras_activation_cases.FLOAT32_CONSTANTS)
    check = partial(close, tolerance=OF_FLOAT32_CONSTANTS if rounded else TOLERANCE)
    backend = open_backend(device, "float64")
    layer = built(case, [kept[f"weight_{n}"] for n in range(sum(name.startswith("weight_") for name in kept))])
    for weight in layer.weights:
        weight.place_alone(backend)
    movies, *shape = kept["x"].shape
    assert layer.output_shape(tuple(shape)) == kept["y"].shape[1:]
    bound = layer.bind_node(backend, [tuple(shape)], movies, training=True)
    (y,) = bound.forward([backend.from_host(on_back_end(kept["x"]))])
    check(backend.to_host(y), on_back_end(kept["y"]), "y")
    (dx,) = bound.backward([backend.from_host(on_back_end(kept["by"]))], [True])
    check(backend.to_host(dx), on_back_end(kept.get("dx", 0.0 * kept["x"])), "dx")
    for number, weight in enumerate(layer.weights):
        expected = kept[f"gradient_{number}"]
        assert np.abs(expected).max() > 1e-3, f"the gradient of {weight.name} proves nothing"
        check(backend.to_host(weight.gradient), expected, weight.name)
    inference = layer.bind_node(backend, [tuple(shape)], movies, training=False)
    (y,) = inference.forward([backend.from_host(on_back_end(kept["x"]))])
    check(backend.to_host(y), on_back_end(kept["y"]), "y")
