"""Average pooling, repetition and interpolation on every back end."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kernels.specs import AxisWeights, ResamplingSpec
from kernels.specs.resampling import averages, interpolated, repeats
from tests.kernels.directional import check_direction
from tests.kernels.under_test import Checker, random_array

Array = np.ndarray[Any, Any]

SPECS = {
    "nothing": ResamplingSpec(1, 1, repeats(1, 1), repeats(4, 1), repeats(5, 1)),
    "average": ResamplingSpec(2, 3, averages(4, 2, 2, "valid"), averages(5, 2, 2, "valid"), averages(7, 3, 2, "valid")),
    "average-same": ResamplingSpec(2, 20, repeats(3, 1), averages(5, 3, 2, "same"), averages(7, 4, 1, "same")),
    "average-gaps": ResamplingSpec(1, 2, averages(5, 1, 2, "valid"), averages(7, 2, 3, "valid"), repeats(4, 1)),
    "average-all": ResamplingSpec(2, 35, *(averages(n, n, n, "valid") for n in (3, 6, 5))),
    "average-long": ResamplingSpec(1, 1, repeats(1, 1), repeats(1, 1), averages(90, 70, 20, "same")),
    "nearest": ResamplingSpec(2, 3, repeats(2, 3), repeats(3, 2), repeats(4, 1)),
    "nearest-wide": ResamplingSpec(1, 33, repeats(1, 1), repeats(3, 2), repeats(2, 5)),
    "bilinear": ResamplingSpec(2, 3, repeats(2, 1), interpolated(3, 2, "bilinear"), interpolated(4, 3, "bilinear")),
    "bicubic": ResamplingSpec(1, 17, repeats(1, 1), interpolated(5, 2, "bicubic"), interpolated(3, 3, "bicubic")),
    "lanczos3": ResamplingSpec(1, 2, repeats(1, 1), interpolated(8, 2, "lanczos3"), interpolated(5, 4, "lanczos3")),
    "lanczos5": ResamplingSpec(1, 2, repeats(1, 1), interpolated(4, 2, "lanczos5"), interpolated(12, 3, "lanczos5")),
}  # fmt: skip


def by_definition(axes: tuple[AxisWeights, ...], x: Array) -> Array:
    """(1) of the kernels, output by output."""
    frames, rows, columns = axes
    y = np.zeros((frames.outputs, x.shape[1], rows.outputs, columns.outputs, x.shape[-1]))
    for t, v, u in np.ndindex(frames.outputs, rows.outputs, columns.outputs):
        for a, i, j in np.ndindex(frames.spans[t][1], rows.spans[v][1], columns.spans[u][1]):
            weight = frames.weights[t][a] * rows.weights[v][i] * columns.weights[u][j]
            y[t, :, v, u] += weight * x[frames.spans[t][0] + a, :, rows.spans[v][0] + i, columns.spans[u][0] + j]
    return y


@pytest.mark.parametrize("case", SPECS)
def test_forward_and_backward_are_the_definition(on: Checker, case: str) -> None:
    spec = SPECS[case]
    x, dy = random_array(0, spec.x_shape), random_array(1, spec.y_shape)
    op = on.backend.resampling(spec)
    on.close(op.forward(on.device(x)), by_definition(spec.axes, x), "y")
    dx = by_definition(tuple(axis.transposed for axis in spec.axes), dy)
    on.close(op.backward(on.device(dy)), dx, "dx")


@pytest.mark.parametrize("case", SPECS)
def test_backward_is_the_numeric_derivative(on_float64: Checker, case: str) -> None:
    spec, backend = SPECS[case], on_float64.backend
    op, dy = backend.resampling(spec), random_array(1, SPECS[case].y_shape)

    def loss(x: Array) -> float:
        return float(np.vdot(dy, backend.to_host(op.forward(on_float64.device(x)))))

    dx = backend.to_host(op.backward(on_float64.device(dy)))
    check_direction(loss, random_array(0, spec.x_shape), dx, "dx")


def test_without_training_there_is_the_same_output(on: Checker) -> None:
    spec = replace(SPECS["average"], training=False)
    x = random_array(0, spec.x_shape)
    on.close(on.backend.resampling(spec).forward(on.device(x)), by_definition(spec.axes, x), "y")


def test_averages_leave_padding_out() -> None:
    expected = [[1, 1, 0, 0, 0], [0, 1, 1, 1, 0], [0, 0, 0, 1, 1]] / np.array([[2], [3], [2]])
    np.testing.assert_allclose(averages(5, 3, 2, "same").matrix, expected)


def test_repeats_are_numpys() -> None:
    np.testing.assert_array_equal(repeats(3, 2).matrix, np.repeat(np.eye(3), 2, axis=0))


def test_linear_interpolation_is_between_centres_of_pixels() -> None:
    expected = [[1, 0, 0], [0.75, 0.25, 0], [0.25, 0.75, 0], [0, 0.75, 0.25], [0, 0.25, 0.75], [0, 0, 1]]
    np.testing.assert_allclose(interpolated(3, 2, "bilinear").matrix, expected)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos3", "lanczos5"])
def test_interpolation_keeps_constants(interpolation: Any) -> None:
    np.testing.assert_allclose(interpolated(7, 3, interpolation).matrix.sum(axis=1), 1.0)


@pytest.mark.parametrize(
    "axis", [averages(7, 3, 2, "same"), averages(7, 2, 3, "valid"), interpolated(6, 2, "lanczos3")]
)
def test_the_transposed_matrix_is_transposed(axis: AxisWeights) -> None:
    np.testing.assert_array_equal(axis.transposed.matrix, axis.matrix.T)
