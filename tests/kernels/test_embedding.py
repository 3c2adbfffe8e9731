"""Lookup on every back end."""

from typing import Any

import numpy as np
import pytest

from kernels.specs import LookupSpec
from tests.kernels.directional import check_direction
from tests.kernels.under_test import Checker, random_array

Array = np.ndarray[Any, Any]

SPECS = [
    LookupSpec(positions=1, rows=1, features=3),
    LookupSpec(positions=35, rows=6, features=1),
    LookupSpec(positions=35, rows=50, features=7),
    LookupSpec(positions=600, rows=11, features=300),
]


def spec_id(spec: LookupSpec) -> str:
    return f"positions{spec.positions}rows{spec.rows}features{spec.features}"


def inputs(spec: LookupSpec) -> tuple[Array, Array]:
    """Numbers and a table; most rows are read several times."""
    numbers = np.random.default_rng(3).integers(0, spec.rows, spec.positions).astype(float)
    return numbers, random_array(1, (spec.rows, spec.features))


def run(checker: Checker, spec: LookupSpec) -> dict[str, Array]:
    numbers, table = (checker.device(array) for array in inputs(spec))
    op = checker.backend.lookup(spec)
    y = checker.backend.to_host(op.forward(numbers, table))
    dtable = checker.garbage((spec.rows, spec.features))
    op.backward(checker.device(random_array(9, (spec.positions, spec.features))), numbers, dtable)
    return {"y": y, "dtable": checker.backend.to_host(dtable)}


@pytest.mark.parametrize("spec", SPECS, ids=spec_id)
def test_equals_the_oracle(on: Checker, spec: LookupSpec) -> None:
    actual = run(on, spec)
    numbers, table = inputs(spec)
    on.close(on.device(actual["y"]), table[numbers.astype(int)], "y")
    on.close(on.device(actual["dtable"]), run(Checker("reference-float64"), spec)["dtable"], "dtable")


@pytest.mark.parametrize("spec", SPECS, ids=spec_id)
def test_backward_is_the_numeric_derivative(on_float64: Checker, spec: LookupSpec) -> None:
    numbers, table = inputs(spec)
    weighting = random_array(9, (spec.positions, spec.features))
    op = on_float64.backend.lookup(spec)

    def loss(value: Array) -> float:
        y = op.forward(on_float64.device(numbers), on_float64.device(value))
        return float(np.vdot(weighting, on_float64.backend.to_host(y)))

    check_direction(loss, table, run(on_float64, spec)["dtable"], "dtable")


def test_repeats_bit_for_bit(on: Checker) -> None:
    first, again = run(on, SPECS[3]), run(on, SPECS[3])
    np.testing.assert_array_equal(again["dtable"], first["dtable"])


def test_a_number_that_is_no_row_is_nan_and_has_no_gradient(on: Checker) -> None:
    numbers, table = on.device(np.array([0.0, -1.0, 2.7, 3.0, np.nan])), random_array(1, (3, 2))
    op = on.backend.lookup(LookupSpec(positions=5, rows=3, features=2))
    y = on.backend.to_host(op.forward(numbers, on.device(table)))
    assert np.isnan(y).all(axis=1).tolist() == [False, True, False, True, True]
    np.testing.assert_allclose(y[[0, 2]], table[[0, 2]], rtol=1e-6)
    dtable = on.garbage((3, 2))
    op.backward(on.device(np.ones((5, 2))), numbers, dtable)
    np.testing.assert_array_equal(on.backend.to_host(dtable), [[1, 1], [0, 0], [1, 1]])
