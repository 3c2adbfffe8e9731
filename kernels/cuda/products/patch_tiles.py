"""What tiles of weight gradients over patches have in common: how pixels are cut into patches and slices of them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from math import prod
from typing import ClassVar

from kernels.cuda.common.rounding import ceil_div, round_up

PATCH_WIDTH = 8
"""Pixels of a row of a patch; PATCH_WIDTH in patch.cuh."""

MAX_PATCH_ROWS = 64

MAX_PIECES = 4
"""Pieces of a row of a patch that a thread copies: it keeps in registers where each of them comes from and goes to."""


class PatchTile(ABC):
    """How a weight gradient over patches is cut into blocks.

    Attributes:
        blocks: how many fill a large device; a constant for the reason that TARGET_BLOCKS of tiles.py tells.
        patch_rows: rows of 8 pixels that a block multiplies at a time.
    """

    blocks: ClassVar[int]
    patch_rows: int

    @property
    @abstractmethod
    def arguments(self) -> str:
        """Arguments of the kernel's template."""

    @property
    @abstractmethod
    def threads(self) -> int:
        """Threads of a block."""

    @property
    @abstractmethod
    def groups(self) -> tuple[int, int]:
        """Blocks along the rows and the columns of the gradient."""

    @property
    @abstractmethod
    def shared_bytes(self) -> int:
        """Bytes of shared memory of a block."""

    @property
    def patch_pixels(self) -> int:
        return PATCH_WIDTH * self.patch_rows

    def patches(self, images: int, height: int, width: int) -> int:
        return images * ceil_div(height, self.patch_rows) * ceil_div(width, PATCH_WIDTH)

    def slices(self, patches: int) -> tuple[int, int]:
        """How many slices the patches are split into (none, if there are no patches), and how many a slice has."""
        per_slice = max(1, ceil_div(patches, max(1, self.blocks // prod(self.groups))))
        return ceil_div(patches, per_slice), per_slice

    def grid(self, slices: int) -> tuple[int, int, int]:
        return *self.groups, slices


def patch_row_choices(height: int, multiple: int) -> Iterator[int]:
    """Ways to cut a frame's rows into equal patches."""
    return (rows for rows in {round_up(share, multiple) for share in shares(height)} if rows <= MAX_PATCH_ROWS)


def shares(whole: int) -> set[int]:
    """The parts of equal size that a whole can be cut into."""
    return {ceil_div(whole, parts) for parts in range(1, whole + 1)}
