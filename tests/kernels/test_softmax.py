"""Softmax on every back end."""

from typing import Any

import numpy as np
import pytest

from tests.kernels.directional import check_direction
from tests.kernels.under_test import Checker, random_array

Array = np.ndarray[Any, Any]

SHAPES = [(1, 1, 1, 1, 1), (3, 2, 5, 7, 3), (1, 3, 1, 1, 16), (2, 1, 3, 2, 37), (5, 130)]


def softmax(z: Array) -> Array:
    e = np.exp(z)
    return e / e.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_forward_and_backward_are_the_definition(on: Checker, shape: tuple[int, ...]) -> None:
    z, dy = random_array(0, shape, 2.0), random_array(1, shape)
    operation, y, dz = on.backend.softmax(), on.garbage(shape), on.garbage(shape)
    expected = softmax(z)
    operation.forward(on.device(z), y)
    on.close(y, expected, "y")
    operation.backward(y, on.device(dy), dz)
    if shape[-1] > 1:
        on.close(dz, expected * (dy - (dy * expected).sum(axis=-1, keepdims=True)), "dz")
    in_place = on.device(z)
    operation.forward(in_place, in_place)
    np.testing.assert_array_equal(on.backend.to_host(in_place), on.backend.to_host(y))
    gradient = on.device(dy)
    operation.backward(y, gradient, gradient)
    np.testing.assert_array_equal(on.backend.to_host(gradient), on.backend.to_host(dz))


def test_large_scores_do_not_overflow_and_nan_is_seen(on: Checker) -> None:
    z = np.array([[1e4, 0.0, -1e4], [500.0, 500.0, 500.0], [1.0, np.nan, 2.0]])
    y = on.garbage(z.shape)
    on.backend.softmax().forward(on.device(z), y)
    expected = [[1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3], [np.nan] * 3]
    np.testing.assert_allclose(on.backend.to_host(y), expected, rtol=1e-6, atol=1e-12)


def test_the_derivative_is_the_numeric_one(on_float64: Checker) -> None:
    z, dy = random_array(0, (3, 5, 7)), random_array(1, (3, 5, 7))
    backend, operation = on_float64.backend, on_float64.backend.softmax()
    y, dz = on_float64.garbage(z.shape), on_float64.garbage(z.shape)

    def value(at: Array) -> float:
        operation.forward(on_float64.device(at), y)
        return float(np.vdot(dy, backend.to_host(y)))

    value(z)
    operation.backward(y, on_float64.device(dy), dz)
    check_direction(value, z, backend.to_host(dz), "softmax")
