"""Axes in another order, and masked copies, on every back end."""

import numpy as np
import pytest

from tests.kernels.under_test import Checker, random_array


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((3, 2, 4, 5, 6), (0, 1, 3, 4, 2)), ((3, 2, 4, 5, 6), (2, 1, 3, 4, 0)), ((1, 2, 3), (2, 0, 1)), ((4,), (0,))],
)
def test_permute_is_numpys_transpose(on: Checker, shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
    x = random_array(0, shape)
    y = on.garbage(tuple(shape[axis] for axis in axes))
    op = on.backend.permute(axes)
    op.forward(on.device(x), y)
    np.testing.assert_array_equal(on.backend.to_host(y), on.backend.to_host(on.device(x.transpose(axes))))
    back = on.garbage(shape)
    op.backward(y, back)
    np.testing.assert_array_equal(on.backend.to_host(back), on.backend.to_host(on.device(x)))


@pytest.mark.parametrize("frames", [1, 3])
def test_masked_copies_stand_side_by_side(on: Checker, frames: int) -> None:
    x, masks = random_array(0, (frames, 2, 4, 5, 3)), random_array(1, (4, 2, 4, 5, 3))
    y = on.garbage((frames, 2, 4, 5, 12))
    on.backend.masked_copies(on.device(masks)).forward(on.device(x), y)
    on.close(y, np.concatenate([x * mask for mask in masks], axis=-1), "y")


def test_masked_copies_backward_is_the_transpose(on: Checker) -> None:
    masks, dy = random_array(1, (4, 2, 4, 5, 3)), random_array(2, (3, 2, 4, 5, 12))
    dx = on.garbage((3, 2, 4, 5, 3))
    on.backend.masked_copies(on.device(masks)).backward(on.device(dy), dx)
    copies = np.split(dy, 4, axis=-1)
    on.close(dx, sum(copy * mask for copy, mask in zip(copies, masks, strict=True)), "dx")
