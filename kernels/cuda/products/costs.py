"""What products cost, by count: the unit that strategies are chosen and tiles searched in.

The counts are clocks of one multiprocessor: multiplications, bytes of shared memory and bytes from L2, each over the
rate below; the largest of the three is what a tile costs, but for warpgroup products, where they were seen to add up.
"""

from math import prod
from typing import Protocol

from kernels.cuda.common.precision import operand_bytes
from kernels.cuda.common.rounding import ceil_div
from kernels.cuda.launch.launch import DeviceLimits
from kernels.cuda.products.tiles import GRADIENT_CHUNK, TARGET_BLOCKS, ConvTile, GradientTile, WarpGrid
from kernels.specs import ConvLSTMSpec

MULTIPLICATIONS = {"float32": 128, "tf32": 645, "bfloat16": 1290}
"""A clock and multiprocessor of an H200; those of tensor cores at 63 % of the data sheet, what mma.sync reaches."""

BEYOND_COUNT = 2.2
"""What the convolutions of the example took on an H200 with mma.sync, over their count: 1.8 to 2.5. Both ways with
mma.sync are beyond it alike, so it matters beside warpgroup products only."""

SHARED_BYTES = 128
"""A clock and multiprocessor."""

L2_BYTES = 22.8
"""A clock and multiprocessor: 5.5 TB/s, 132 multiprocessors, 1.83 GHz. What L1 may save of it is not counted."""

WARPS = 8
"""Warps that a multiprocessor needs, two for each scheduler: with fewer the arithmetic waits for itself. A guess."""

STEP_CLOCKS = 400
"""What a barrier and the start of the copies behind it take, for each slab of a tile: a guess."""

SUM_BYTES = 16
"""Shared memory a thread, for a linked BatchNormalization: two float64 sums (StateSums of batch_norm_link.cuh)."""


BLOCKS = TARGET_BLOCKS // 2
"""One block on a multiprocessor, where a gathered gradient has two; a constant for the reason that tiles.py tells."""

FACTOR_BYTES = {"float32": 16, "tf32": 4, "bfloat16": 2}
"""Shared memory's bandwidth for each row and column that a warp reads of a pixel. In float32 it is a fragment with
eight rows, or four pairs of columns, that one load brings to 32 lanes."""


class FramesTile(Protocol):
    """What is asked of any tile of a convolution over frames, windows and warpgroups alike."""

    @property
    def groups(self) -> int:
        """Blocks that share the columns of a pixel."""

    @property
    def crews(self) -> int:
        """Crews of a block, each with a tile of pixels."""

    @property
    def threads(self) -> int:
        """Threads of a block."""

    def tiles(self, images: int, height: int, width: int) -> int:
        """Tiles of pixels that so many images make."""


def windowed_grid(spec: ConvLSTMSpec, tile: FramesTile, limits: DeviceLimits) -> tuple[int, int]:
    """Blocks for all frames: one for each multiprocessor, if there are tiles enough."""
    most = max(1, limits.sm_count // tile.groups)
    return min(ceil_div(tiles_of(spec, tile), tile.crews), most), tile.groups


def tiles_of(spec: ConvLSTMSpec, tile: FramesTile) -> int:
    """Tiles of pixels of all frames."""
    return tile.tiles(spec.T * spec.B, spec.H, spec.W)


def front_bytes(name: str, tile: FramesTile) -> int:
    """Bytes in front of the windows of a block of windowed_<name>: in a step forward the sums of BatchNormalization."""
    return SUM_BYTES * tile.threads if name == "step_forward" else 0


def gathered_clocks(spec: ConvLSTMSpec, tile: ConvTile, precision: str, limits: DeviceLimits) -> float:
    """What a launch of conv.cuh with this tile costs a multiprocessor, where another block hides its barriers."""
    _, products = tile.packed_shape
    copied = (tile.warps.rows + tile.warps.columns) * products * tile.element
    one = warp_clocks(tile.warps, products, precision, copied, copied)
    blocks, groups = tile.grid(spec.T * spec.B * spec.H * spec.W)
    return ceil_div(blocks * groups, limits.sm_count) * one


def warp_clocks(warps: WarpGrid, products: int, precision: str, to_shared: float, from_l2: float) -> float:
    """One tile: products a sum, bytes copied to shared memory and those read from L2.

    Tensor cores read a factor once for a warp, of m rows and n columns; in float32 each thread reads those of its own
    sums, 16 bytes at a time. Counted so, what two ways of two convolutions of the example took on an H200 in float32 is
    1.6 to 1.8 times the count.
    """
    multiplications = warps.rows * warps.columns * products
    m, n = (16 * warps.m_tiles, 8 * warps.n_tiles) if precision != "float32" else (2 * warps.m_tiles, 2 * warps.n_tiles)
    read = multiplications * (m + n) / (m * n) * operand_bytes(precision)
    idle = max(1.0, WARPS * 32 / warps.threads)
    arithmetic = idle * multiplications / MULTIPLICATIONS[precision]
    return max(arithmetic, (read + to_shared) / SHARED_BYTES, from_l2 / L2_BYTES)


def gathered_gradient_clocks(spec: ConvLSTMSpec, tile: GradientTile, precision: str) -> float:
    """What a gradient by weight_gradient.cuh costs a multiprocessor of a large device.

    A multiprocessor has two blocks: one works while the other is at a barrier.
    """
    slices, per_slice = tile.slices(spec.T * spec.B * spec.H * spec.W)
    turns = per_slice * ceil_div(prod(tile.grid(slices)), BLOCKS)
    chunk = GRADIENT_CHUNK[tile.element]
    copied = tile.element * chunk * (tile.warps.rows + tile.warps.columns)
    return turns * gradient_step_clocks(tile.warps, chunk, precision, copied)


def gradient_step_clocks(warps: WarpGrid, pixels: int, precision: str, copied: int) -> float:
    """What so many pixels of a weight gradient cost a block; copied: bytes, from L2 to shared memory."""
    multiplications = warps.rows * warps.columns * pixels
    m, n = 16 * warps.m_tiles, 8 * warps.n_tiles
    read = multiplications * (m + n) / (m * n) * FACTOR_BYTES[precision]
    return max(multiplications / MULTIPLICATIONS[precision], (read + copied) / SHARED_BYTES, copied / L2_BYTES)
