"""Arrays of one shape, element by element, on every back end."""

import pytest

from tests.kernels.under_test import Checker, random_array

SHAPES = [(2, 3, 4, 5, 3), (1, 1, 1, 1, 1), (1003,), (2, 7)]


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
