"""Axes in another order, blocks, and masked copies, on every back end."""

from dataclasses import replace

import numpy as np
import pytest

from kernels.specs import BlockSpec
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


BLOCKS = [
    BlockSpec((2, 1, 3, 4, 3), (4, 1, 5, 7, 3), (2, 1, 3, 4, 3), (0, 0, 0, 0, 0), (1, 0, 0, 2, 0)),  # padding
    BlockSpec((4, 2, 5, 7, 3), (2, 2, 5, 3, 1), (2, 2, 5, 3, 1), (1, 0, 0, 3, 2), (0, 0, 0, 0, 0)),  # cropping
    BlockSpec((4, 5), (6, 3), (2, 2), (1, 3), (4, 0)),
    BlockSpec((7,), (7,), (7,), (0,), (0,)),
]


@pytest.mark.parametrize("spec", BLOCKS, ids=str)
def test_a_block_in_a_block(on: Checker, spec: BlockSpec) -> None:
    of_x, of_y = (
        tuple(slice(start, start + n) for start, n in zip(starts, spec.size, strict=True))
        for starts in (spec.x_start, spec.y_start)
    )
    x, dy = random_array(0, spec.x_shape), random_array(1, spec.y_shape)
    y, dx = np.zeros(spec.y_shape), np.zeros(spec.x_shape)
    y[of_y], dx[of_x] = x[of_x], dy[of_y]
    block = on.backend.block(spec)
    on_y, on_dx = on.garbage(spec.y_shape), on.garbage(spec.x_shape)
    block.forward(on.device(x), on_y)
    on.close(on_y, y, "y")
    block.backward(on.device(dy), on_dx)
    on.close(on_dx, dx, "dx")

    block = on.backend.block(replace(spec, zeros=False))
    before_y, before_dx = random_array(2, spec.y_shape), random_array(3, spec.x_shape)
    on_y, on_dx = on.device(before_y), on.device(before_dx)
    block.forward(on.device(x), on_y)
    block.backward(on.device(dy), on_dx)
    before_y[of_y], before_dx[of_x] = x[of_x], dy[of_y]
    on.close(on_y, before_y, "y where the rest is left")
    on.close(on_dx, before_dx, "dx where the rest is left")


@pytest.mark.parametrize(
    "changes", [{"size": (3, 2)}, {"x_start": (1, 4)}, {"y_start": (-1, 0)}, {"size": (2,)}, {"size": (0, 2)}], ids=str
)
def test_a_block_lies_within_both(changes: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(ValueError, match="size: expected a block that lies within"):
        replace(BLOCKS[2], **changes)


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
