"""Merging and reshaping layers, each alone, against what real Keras computed in float64."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from engine.layers import merging, reshaping
from engine.layers.weight import time_major
from kernels.select import open_backend
from tests.engine.networks import FLOAT64_DEVICES
from tests.fixtures.keras_shape_cases import CASES
from tests.paths import FIXTURES

Array = np.ndarray[Any, Any]

TOLERANCE = 1e-9
"""Relative to the largest number of an array, in float64."""


@pytest.fixture(scope="module")
def keras() -> Iterator[dict[str, Array]]:
    with np.load(FIXTURES / "keras_shapes.npz", allow_pickle=False) as file:
        yield dict(file)


def on_back_end(array: Array) -> Array:
    """A batch of any rank as arrays of back ends are: five axes, frames first where it has them."""
    frames_first = array.swapaxes(0, 1) if array.ndim == 5 else array
    return np.ascontiguousarray(frames_first).reshape(time_major(array.shape[1:], len(array)))


def close(actual: Any, expected: Array, what: str) -> None:
    bound = TOLERANCE * max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=bound, err_msg=what)


@pytest.mark.parametrize("device", FLOAT64_DEVICES)
@pytest.mark.parametrize("case", CASES)
def test_a_layer_is_keras(case: str, device: str, keras: dict[str, Array]) -> None:
    kind, shapes, arguments = CASES[case]
    inputs, wanted = ([keras[f"{case}/{name}_{k}"] for k in range(len(shapes))] for name in ("x", "dx"))
    y, by = keras[f"{case}/y"], keras[f"{case}/by"]
    backend = open_backend(device, "float64")
    layer = {**vars(merging), **vars(reshaping)}[kind](**arguments)
    known, movies = [shape[1:] for shape in shapes], shapes[0][0]
    assert layer.output_shapes(known) == [y.shape[1:]]

    given = [backend.from_host(on_back_end(x)) for x in inputs]
    bound = layer.bind_node(backend, known, movies, training=True)
    close(backend.to_host(bound.forward(given)[0]), on_back_end(y), "y")
    for x, array in zip(given, inputs, strict=True):
        close(backend.to_host(x), on_back_end(array), "x is left")
    gradients = bound.backward([backend.from_host(on_back_end(by))], [True] * len(inputs))
    for number, (dx, expected) in enumerate(zip(gradients, wanted, strict=True)):
        close(backend.to_host(dx), on_back_end(expected), f"dx_{number}")
    for number, dx in enumerate(gradients):
        assert not any(np.shares_memory(dx, other) for other in gradients[:number]), "gradients are distinct memory"

    for number, expected in enumerate(wanted):  # one gradient alone
        needed = [number == k for k in range(len(inputs))]
        bound.forward(given)
        gradients = bound.backward([backend.from_host(on_back_end(by))], needed)
        assert [dx is not None for dx in gradients] == needed
        close(backend.to_host(gradients[number]), on_back_end(expected), f"dx_{number} alone")

    inference = layer.bind_node(backend, known, movies, training=False)
    close(backend.to_host(inference.forward(given)[0]), on_back_end(y), "y at inference")


@pytest.mark.parametrize("kind", merging.__all__)
def test_every_merge_has_a_case(kind: str) -> None:
    assert kind in {case.class_name for case in CASES.values()}
