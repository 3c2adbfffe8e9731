"""Pooling and up-sampling, layer by layer, against what real Keras computed."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from engine.layers import LAYERS
from kernels.select import open_backend
from tests.engine.layers.test_layers_in_keras import arrays_of, on_back_end
from tests.engine.networks import FLOAT64_DEVICES
from tests.fixtures.keras_pooling_cases import CASES
from tests.paths import FIXTURES

Array = np.ndarray[Any, Any]

TOLERANCE = {"float64": 1e-9, "float32": 1e-6}
"""Relative to the largest number of an array, by the dtype that TensorFlow computed in."""


@pytest.fixture(scope="module")
def keras() -> Iterator[dict[str, Array]]:
    with np.load(FIXTURES / "keras_pooling.npz", allow_pickle=False) as file:
        yield dict(file)


@pytest.mark.parametrize("device", FLOAT64_DEVICES)
@pytest.mark.parametrize("case", CASES)
def test_a_layer_is_keras(case: str, device: str, keras: dict[str, Array]) -> None:
    kept = arrays_of(keras, case)
    backend = open_backend(device, "float64")
    layer = LAYERS[CASES[case].class_name](**CASES[case].arguments)
    movies, *shape = kept["x"].shape

    def close(actual: Any, expected: Array, what: str) -> None:
        bound = TOLERANCE[CASES[case].dtype] * np.abs(expected).max()
        np.testing.assert_allclose(actual, expected, rtol=0, atol=bound, err_msg=what)

    assert layer.output_shape(tuple(shape)) == kept["y"].shape[1:]
    x = backend.from_host(on_back_end(kept["x"]))
    bound = layer.bind(backend, tuple(shape), movies, training=True)
    close(backend.to_host(bound.forward(x)), on_back_end(kept["y"]), "y")
    dx = bound.backward(backend.from_host(on_back_end(kept["by"])), need_dx=True)
    close(backend.to_host(dx), on_back_end(kept["dx"]), "dx")
    inference = layer.bind(backend, tuple(shape), movies, training=False)
    close(backend.to_host(inference.forward(x)), on_back_end(kept["y"]), "y")


def test_every_pooling_and_up_sampling_has_cases() -> None:
    kinds = {name for name in LAYERS if "Pool" in name or "UpSampling" in name}
    assert kinds == {case.class_name for case in CASES.values()}
