"""Two arrays of one shape made into one, element by element: every combination of the table on every back end."""

import numpy as np
import pytest

from kernels.combinations import COMBINATIONS, CombinationSpec
from tests.kernels import formulas
from tests.kernels.directional import check_direction
from tests.kernels.under_test import Array, Checker, random_array

SHAPES = [(2, 3, 4, 5, 3), (1, 1, 1, 1, 1), (1003,), (2, 7)]
SPECS = [CombinationSpec(kind) for kind in COMBINATIONS] + [CombinationSpec("sum", (0.5, -1.5))]


@pytest.mark.parametrize("into", ["neither", "a", "b"])
@pytest.mark.parametrize("shape", SHAPES)
def test_add_is_the_sum(on: Checker, shape: tuple[int, ...], into: str) -> None:
    a, b = random_array(0, shape), random_array(1, shape)
    arrays = {"neither": on.garbage(shape), "a": on.device(a), "b": on.device(b)}
    on.backend.add(arrays["a"], arrays["b"], arrays[into])
    on.close(arrays[into], a + b, "out")
    for name, array in (("a", a), ("b", b)):
        if name != into:
            on.close(arrays[name], array, name)


def test_add_of_parts_that_are_not_aligned(on: Checker) -> None:
    a, b = random_array(0, (3, 7)), random_array(1, (3, 7))
    on_a, on_b, out = on.device(a), on.device(b), on.garbage((3, 7))
    on.backend.add(on_a[1], on_b[2], out[1])
    on.close(out[1], a[1] + b[2], "out")


@pytest.mark.parametrize("shape", SHAPES[:3])
@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_a_combination_and_its_gradients(on: Checker, spec: CombinationSpec, shape: tuple[int, ...]) -> None:
    a, b, dy = (random_array(seed, shape) for seed in (2, 6, 9))
    operation = on.backend.combination(spec)
    on_a, on_b, y = on.device(a), on.device(b), on.garbage(shape)
    operation.forward(on_a, on_b, y)
    on.close(y, formulas.combination(spec, a, b), "y")
    in_place = on.device(b)
    operation.forward(on_a, in_place, in_place)
    on.close(in_place, formulas.combination(spec, a, b), "y in place of b")

    expected = formulas.combination_gradients(spec, dy, a, b)
    da, db = on.garbage(shape), on.garbage(shape)
    operation.backward(on.device(dy), on_a, on_b, da, db)
    alone, in_place = on.garbage(shape), on.device(dy)
    operation.backward(in_place, on_a, on_b, None, alone)
    on.close(in_place, dy, "dy")
    operation.backward(in_place, on_a, on_b, in_place, None)
    for name, found, array in zip(("da", "db", "da", "db"), (da, db, in_place, alone), expected * 2, strict=True):
        if array.any():  # one of two extrema has no gradient where there is one element
            on.close(found, array, name)
        else:
            assert not on.backend.to_host(found).any(), name


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_the_gradients_are_the_numeric_ones(on_float64: Checker, spec: CombinationSpec) -> None:
    shape = (3, 5, 7)
    a, b, dy = (random_array(seed, shape) for seed in range(3))
    operation = on_float64.backend.combination(spec)

    def value(a: Array, b: Array) -> float:
        y = on_float64.garbage(shape)
        operation.forward(on_float64.device(a), on_float64.device(b), y)
        return float(np.vdot(dy, on_float64.backend.to_host(y)))

    da, db = on_float64.garbage(shape), on_float64.garbage(shape)
    operation.backward(on_float64.device(dy), on_float64.device(a), on_float64.device(b), da, db)
    check_direction(lambda at: value(at, b), a, on_float64.backend.to_host(da), "da")
    check_direction(lambda at: value(a, at), b, on_float64.backend.to_host(db), "db")


@pytest.mark.parametrize("kind", ["maximum", "minimum"])
def test_an_extremum_at_ties_is_the_first_s_and_a_nan_stays(on: Checker, kind: str) -> None:
    a, b, dy = np.array([1.0, np.nan, 2.0, -np.inf]), np.array([1.0, 2.0, np.nan, -np.inf]), np.arange(1.0, 5.0)
    operation = on.backend.combination(CombinationSpec(kind))
    y, da, db = (on.garbage((4,)) for _ in range(3))
    operation.forward(on.device(a), on.device(b), y)
    np.testing.assert_array_equal(on.backend.to_host(y), [1.0, np.nan, np.nan, -np.inf])
    operation.backward(on.device(dy), on.device(a), on.device(b), da, db)
    assert on.backend.to_host(da)[[0, 3]].tolist() == [1.0, 4.0]
    assert on.backend.to_host(db)[[0, 3]].tolist() == [0.0, 0.0]


def test_codes_are_unique() -> None:
    codes = [entry.code for entry in COMBINATIONS.values()]
    assert len(set(codes)) == len(codes)


def test_a_combination_that_is_not_there_is_refused(on: Checker) -> None:
    with pytest.raises(ValueError, match=r"kind: .* has no 'power'"):
        on.backend.combination(CombinationSpec("power"))
