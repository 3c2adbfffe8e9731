"""Activations and the gathering of a batch on every back end."""

import numpy as np
import pytest

from tests.kernels.under_test import Checker, random_array

SHAPES = [(1, 1, 1, 1, 1), (3, 2, 5, 7, 1), (2, 3, 4, 5, 3)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(
    ("name", "function", "derivative"),
    [
        ("linear", np.array, np.ones_like),
        ("sigmoid", lambda z: 1 / (1 + np.exp(-z)), lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2),
        ("tanh", np.tanh, lambda z: 1 / np.cosh(z) ** 2),
        ("relu", lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
        ("hard_sigmoid", lambda z: np.clip(0.2 * z + 0.5, 0, 1), lambda z: 0.2 * (np.abs(z) < 2.5)),
        ("hard_sigmoid_keras3", lambda z: np.clip(z / 6 + 0.5, 0, 1), lambda z: (np.abs(z) < 3) / 6),
    ],
)
def test_activation_and_its_derivative(on: Checker, shape, name, function, derivative) -> None:
    z, dy = np.abs(random_array(0, shape)) + 0.1, random_array(1, shape)
    if z.size > 1:
        z *= np.where(random_array(2, shape) > 0, 1.0, -1.0)
    y = on.garbage(shape)
    on.backend.activation_forward(name, on.device(z), y)
    on.close(y, function(z), "y")
    in_place = on.device(z)
    on.backend.activation_forward(name, in_place, in_place)
    on.close(in_place, function(z), "y in place")
    dz = on.device(dy)
    on.backend.activation_backward(name, y, dz, dz)
    on.close(dz, dy * derivative(z), "dz in place")


def test_gather_batch_takes_rows_and_puts_time_first(on: Checker) -> None:
    movies = random_array(0, (6, 3, 4, 5, 2))
    rows = np.array([4, 0, 4])
    batch = on.garbage((3, 3, 4, 5, 2))
    on.backend.gather_batch(on.device(movies), rows, batch)
    expected = on.backend.to_host(on.device(movies[rows].swapaxes(0, 1)))
    np.testing.assert_array_equal(on.backend.to_host(batch), expected)
