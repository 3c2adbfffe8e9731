"""Keras 1's convolutions: its words for their arguments, and its kernels, whose axes had another order.

No Keras 1 was run: the orders are those that Keras 2's own loader turns round.
"""

from typing import Any

import numpy as np
import pytest

from engine.files.keras.keras1 import modern_arrays, modern_entry
from engine.layers import LAYERS

WINDOW = {"nb_filter": 5, "border_mode": "same", "bias": True, "init": "glorot_uniform"}
SQUARE = {**WINDOW, "nb_row": 3, "nb_col": 2, "subsample": [2, 1]}

CASES: list[tuple[str, dict[str, Any], tuple[int, ...], tuple[int, ...]]] = [
    ("Convolution2D", {**SQUARE, "dim_ordering": "tf"}, (None, None, 4), (0, 1, 2, 3)),
    ("Convolution2D", {**SQUARE, "dim_ordering": "th"}, (4, None, None), (3, 2, 0, 1)),
    ("Deconvolution2D", {**SQUARE, "dim_ordering": "tf", "output_shape": [9, 9]}, (None, None, 4), (0, 1, 3, 2)),
    ("Deconvolution2D", {**SQUARE, "dim_ordering": "th"}, (4, None, None), (2, 3, 0, 1)),
    ("Convolution3D", {**WINDOW, "kernel_dim1": 2, "kernel_dim2": 3, "kernel_dim3": 1, "dim_ordering": "th"},
     (4, None, None, None), (4, 3, 0, 1, 2)),
    ("AtrousConvolution2D", {**SQUARE, "subsample": [1, 1], "atrous_rate": [2, 2], "dim_ordering": "tf"},
     (None, None, 4), (0, 1, 2, 3)),
]  # fmt: skip
"""Class, arguments, the input's shape, and where each axis of Keras 1's kernel is among today's."""


@pytest.mark.parametrize("backend", ["tensorflow", "theano"])
@pytest.mark.parametrize(("name", "arguments", "shape", "order"), CASES)
def test_a_kernel_of_keras_1(
    name: str, arguments: dict[str, Any], shape: tuple[int, ...], order: tuple[int, ...], backend: str
) -> None:
    entry = modern_entry({"class_name": name, "config": dict(arguments)})
    taken = {key: value for key, value in entry["config"].items() if key != "output_shape"}
    layer = LAYERS[entry["class_name"]](**taken)
    layer.build(shape, np.random.default_rng(0))
    kernel, bias = layer.get_weights()
    flipped = np.flip(kernel, tuple(range(kernel.ndim - 2))) if backend == "theano" else kernel
    found = modern_arrays([flipped.transpose(order), bias], layer, 1, backend)
    np.testing.assert_array_equal(found[0], kernel)
    np.testing.assert_array_equal(found[1], bias)
    np.testing.assert_array_equal(modern_arrays([flipped, bias], layer, 2, backend)[0], kernel)


def test_a_kernel_of_steps_had_one_axis_more() -> None:
    config = {**WINDOW, "filter_length": 3, "subsample_length": 2}
    layer = LAYERS["Conv1D"](**modern_entry({"class_name": "Convolution1D", "config": config})["config"])
    assert layer.get_config()["kernel_size"] == [3] and layer.get_config()["strides"] == [2]
    layer.build((None, 4), np.random.default_rng(0))
    kernel, bias = layer.get_weights()
    np.testing.assert_array_equal(modern_arrays([kernel[:, np.newaxis], bias], layer, 1, "tensorflow")[0], kernel)
    with pytest.raises(ValueError, match="expected a kernel of more than 3 axes"):
        modern_arrays([kernel, bias], layer, 1, "tensorflow")


def test_a_matrix_of_keras_1() -> None:
    config = {"output_dim": 3, "init": "he_normal", "W_regularizer": None, "bias": False, "input_dim": 4}
    entry = modern_entry({"class_name": "Dense", "config": config})
    assert LAYERS["Dense"](**entry["config"]).get_config()["units"] == 3
