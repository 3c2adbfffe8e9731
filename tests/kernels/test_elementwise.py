"""Every activation of the table on every back end, and the gathering of a batch."""

import numpy as np
import pytest

from kernels.activations import ACTIVATIONS, GATES
from tests.kernels import formulas
from tests.kernels.directional import check_direction
from tests.kernels.under_test import Array, Checker, random_array

SHAPES = [(1, 1, 1, 1, 1), (3, 2, 5, 7, 1), (2, 3, 4, 5, 3)]


def inputs(shape: tuple[int, ...], scale: float = 1.0) -> Array:
    """Return numbers of both signs, none at the corner of a relu."""
    z = np.abs(random_array(0, shape, scale)) + 0.1
    return z if z.size == 1 else z * np.where(random_array(2, shape) > 0, 1.0, -1.0)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_and_its_derivative(on: Checker, shape: tuple[int, ...], name: str) -> None:
    z, dy = inputs(shape), random_array(1, shape)
    operation = on.backend.activation(name)
    y = on.garbage(shape)
    operation.forward(on.device(z), y)
    on.close(y, formulas.activation(name, z), "y")
    in_place = on.device(z)
    operation.forward(in_place, in_place)
    on.close(in_place, formulas.activation(name, z), "y in place")
    dz = on.device(dy)
    operation.backward(y, dz, dz)
    on.close(dz, dy * formulas.derivative(name, z), "dz in place")


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_derivative_is_the_numeric_one(on_float64: Checker, name: str) -> None:
    z = inputs((3, 5, 7), scale=2.0)  # beyond the ends of the hard sigmoids
    dy = random_array(1, z.shape)
    backend, operation = on_float64.backend, on_float64.backend.activation(name)

    def value(at: Array) -> float:
        y = on_float64.garbage(z.shape)
        operation.forward(on_float64.device(at), y)
        return float(np.vdot(dy, backend.to_host(y)))

    y, dz = on_float64.garbage(z.shape), on_float64.garbage(z.shape)
    operation.forward(on_float64.device(z), y)
    operation.backward(y, on_float64.device(dy), dz)
    check_direction(value, z, backend.to_host(dz), name)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_range_is_the_table_s(name: str) -> None:
    entry, z = ACTIVATIONS[name], np.array([-1e3, -3.0, -1.0, 0.0, 1.0, 3.0, 1e3])
    with np.errstate(over="ignore"):
        y = formulas.activation(name, z)
    assert entry.low <= y.min() and y.max() <= entry.high
    for bound, found in ((entry.low, y.min()), (entry.high, y.max())):
        assert abs(found) == 1e3 if np.isinf(bound) else found == pytest.approx(bound, abs=2e-3)


def test_codes_are_unique_and_gates_are_between_0_and_1() -> None:
    codes = [entry.code for entry in ACTIVATIONS.values()]
    assert len(set(codes)) == len(codes)
    assert all((ACTIVATIONS[name].low, ACTIVATIONS[name].high) == (0.0, 1.0) for name in GATES)


def test_gather_batch_takes_rows_and_puts_time_first(on: Checker) -> None:
    movies = random_array(0, (6, 3, 4, 5, 2))
    rows = np.array([4, 0, 4])
    batch = on.garbage((3, 3, 4, 5, 2))
    on.backend.gather_batch(on.device(movies), rows, batch)
    expected = on.backend.to_host(on.device(movies[rows].swapaxes(0, 1)))
    np.testing.assert_array_equal(on.backend.to_host(batch), expected)
