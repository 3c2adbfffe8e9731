"""Arrays repeated along axes, and sums over them, on every back end."""

import numpy as np
import pytest

from kernels.operations.broadcast import Axis, split_axes
from tests.kernels.directional import check_direction
from tests.kernels.under_test import Array, Checker, random_array

Y = (3, 2, 4, 5, 6)
X_SHAPES = [
    (1, 1, 1, 1, 6),  # what is left of a bias' gradient
    (3, 2, 4, 5, 1),
    (1, 2, 1, 5, 1),
    (3, 1, 4, 1, 6),
    (3, 2, 1, 1, 6),
    (1, 1, 1, 1, 1),
    Y,
]


@pytest.mark.parametrize("x_shape", X_SHAPES, ids=str)
def test_broadcast_repeats_and_its_backward_sums(on: Checker, x_shape: tuple[int, ...]) -> None:
    x, dy = random_array(0, x_shape), random_array(1, Y)
    operation = on.backend.broadcast(x_shape, Y)
    y, dx = on.garbage(Y), on.garbage(x_shape)
    operation.forward(on.device(x), y)
    on.close(y, np.broadcast_to(x, Y), "y")
    operation.add(on.device(x), y)
    on.close(y, np.broadcast_to(2.0 * x, Y), "y, twice")
    operation.backward(on.device(dy), dx)
    axes = tuple(k for k in range(5) if x_shape[k] != Y[k])
    on.close(dx, dy.sum(axis=axes, keepdims=True), "dx")


@pytest.mark.parametrize(
    ("x_shape", "y_shape"),
    [
        ((1, 1, 3), (170, 190, 3)),  # several segments, one vector of neighbours
        ((1, 37), (2000, 37)),
        ((1,), (40_000,)),
        ((2, 1), (2, 40_000)),
        ((1, 70, 1, 3), (1, 70, 2, 3)),
    ],
    ids=str,
)
def test_long_sums(on: Checker, x_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> None:
    dy = random_array(2, y_shape) + 1.0
    dx = on.garbage(x_shape)
    on.backend.broadcast(x_shape, y_shape).backward(on.device(dy), dx)
    axes = tuple(k for k in range(len(x_shape)) if x_shape[k] != y_shape[k])
    on.close(dx, dy.sum(axis=axes, keepdims=True), "dx")


@pytest.mark.parametrize("x_shape", X_SHAPES[:4], ids=str)
def test_the_gradient_is_the_numeric_one(on_float64: Checker, x_shape: tuple[int, ...]) -> None:
    x, dy = random_array(0, x_shape), random_array(1, Y)
    operation = on_float64.backend.broadcast(x_shape, Y)

    def value(at: Array) -> float:
        y = on_float64.garbage(Y)
        operation.forward(on_float64.device(at), y)
        return float(np.vdot(dy, on_float64.backend.to_host(y)))

    dx = on_float64.garbage(x_shape)
    operation.backward(on_float64.device(dy), dx)
    check_direction(value, x, on_float64.backend.to_host(dx), "dx")


def test_neighbouring_axes_of_one_kind_count_as_one() -> None:
    assert split_axes((1, 1, 4, 1, 6), (3, 2, 4, 1, 6)) == ([Axis(24, 1)], [Axis(6, 24)])
    assert split_axes((3, 1, 4, 1, 6), Y) == ([Axis(3, 240), Axis(4, 30), Axis(6, 1)], [Axis(2, 120), Axis(5, 6)])


@pytest.mark.parametrize(("x_shape", "y_shape"), [((2, 3), (4, 3)), ((3,), (2, 3)), ((2, 3), (1, 3))])
def test_what_does_not_broadcast_is_refused(on: Checker, x_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="x_shape: expected as many sizes"):
        on.backend.broadcast(x_shape, y_shape)
