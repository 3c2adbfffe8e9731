"""How a weight gradient over windows in shared memory is cut into blocks, and what it costs beside a gathered one.

A block has all pixels of its slice and a group of rows and columns of the gradient: the more of them, the fewer times
pixels are read. What a tile costs is counted as costs.py counts it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from math import inf, prod
from typing import ClassVar

from kernels.cuda.common.precision import operand_bytes
from kernels.cuda.common.rounding import ceil_div, round_up
from kernels.cuda.launch.launch import DeviceLimits
from kernels.cuda.products.costs import (
    BEYOND_COUNT,
    BLOCKS,
    STEP_CLOCKS,
    gradient_step_clocks,
)
from kernels.cuda.products.patch_gradient import PatchGradient, channels_of, has_bias
from kernels.cuda.products.patch_tiles import MAX_PIECES, PATCH_WIDTH, PatchTile, patch_row_choices, shares
from kernels.cuda.products.strategy import Product, sizes_of
from kernels.cuda.products.tiles import MMA_DEPTH, WarpGrid, shared_stride
from kernels.specs import ConvLSTMSpec

MAX_ACCUMULATORS = 120
"""Most accumulators of a thread: with fragments and addresses about 180 of its 255 registers."""


@dataclass(frozen=True)
class WindowedGradientTile(PatchTile):
    """The tile of one weight gradient; WindowedGradientTile in windowed_gradient.cuh.

    Attributes:
        channels: of x.
        columns: of dz.
        kh, kw: the kernel.
        bias: whether there is a row for the bias.
        warps: how the rows and columns of a block are cut.
        patch_rows: rows of 8 pixels that a block multiplies at a time.
        element: bytes of one operand.
    """

    blocks: ClassVar[int] = BLOCKS

    channels: int
    columns: int
    kh: int
    kw: int
    bias: bool
    warps: WarpGrid
    patch_rows: int
    element: int

    @property
    def arguments(self) -> str:
        warps = self.warps
        return ", ".join(map(str, (warps.warps_m, warps.warps_n, warps.m_tiles, warps.n_tiles)))

    @property
    def threads(self) -> int:
        return self.warps.threads

    @property
    def rows(self) -> int:
        """Rows of the product: taps times padded channels, and the bias."""
        return self.kh * self.kw * round_up(self.channels, 8) + int(self.bias)

    @property
    def groups(self) -> tuple[int, int]:
        """Blocks along the rows and the columns."""
        return ceil_div(self.rows, self.warps.rows), ceil_div(self.columns, self.warps.columns)

    @property
    def window_pixels(self) -> int:
        """Pixels that a patch and its taps reach."""
        return (PATCH_WIDTH + self.kw - 1) * (self.patch_rows + self.kh - 1)

    @property
    def shared_bytes(self) -> int:
        window = self.window_pixels * shared_stride(round_up(self.channels, 8))
        return 2 * self.element * (window + self.patch_pixels * shared_stride(self.warps.columns))

    @property
    def copied_bytes(self) -> int:
        """From L2 to shared memory for one patch."""
        return self.element * (self.window_pixels * self.channels + self.patch_pixels * self.warps.columns)

    @property
    def pieces(self) -> int:
        """Copies that a thread makes for each row of a patch."""
        window = (PATCH_WIDTH + self.kw - 1) * (round_up(self.channels, 8) // self._copied_together(self.channels))
        dz = PATCH_WIDTH * (self.warps.columns // self._copied_together(self.columns))
        return ceil_div(window + dz, self.threads)

    @property
    def asynchronous(self) -> bool:
        """Whether copies go on beside the mma: rows that are no multiple of 16 bytes pass through registers."""
        return self._copied_together(self.channels) > 1 and self._copied_together(self.columns) > 1

    def fits(self, shared_bytes: int) -> bool:
        """Whether the kernel can run it, in so much shared memory."""
        return self.pieces <= MAX_PIECES and self.shared_bytes <= shared_bytes

    def _copied_together(self, row: int) -> int:
        """Elements that one copy moves, of rows of so many; copied_together in operand.cuh."""
        vector = 16 // self.element
        return vector if row % vector == 0 else 1


@cache
def windowed_gradient_tile(
    spec: ConvLSTMSpec, channels: int, bias: bool, precision: str, limits: DeviceLimits
) -> WindowedGradientTile | None:
    """The tile of a gradient of weights (kh,kw,channels,4F) that costs least. None: no tile fits in shared memory."""
    taps, columns, element = spec.kh * spec.kw, 4 * spec.F, operand_bytes(precision)
    patch_rows = tuple(patch_row_choices(spec.H, 2 * MMA_DEPTH[element] // PATCH_WIDTH))
    tiles = (
        WindowedGradientTile(channels, columns, spec.kh, spec.kw, bias, warps, rows, element)
        for warps in _warp_grids(taps * round_up(channels, 8) + int(bias), columns)
        for rows in patch_rows
    )
    fitting = (tile for tile in tiles if tile.fits(limits.shared_bytes_per_block))
    return min(fitting, key=lambda tile: _cost(spec, tile, precision), default=None)


def windowed_gradient_clocks(spec: ConvLSTMSpec, tile: WindowedGradientTile, precision: str) -> float:
    """What the sums over all frames cost a multiprocessor of a large device."""
    slices, per_slice = tile.slices(tile.patches(spec.T * spec.B, spec.H, spec.W))
    turns = per_slice * ceil_div(slices * prod(tile.groups), BLOCKS)
    return turns * (gradient_step_clocks(tile.warps, tile.patch_pixels, precision, tile.copied_bytes) + STEP_CLOCKS)


def _cost(spec: ConvLSTMSpec, tile: WindowedGradientTile, precision: str) -> tuple[float, int, int]:
    """Rank a tile: by clocks, then by what it reads from L2, then by the length of its warps, whose rows
    take an instruction more to read than its columns.
    """
    patches = tile.patches(spec.T * spec.B, spec.H, spec.W)
    copied = patches * prod(tile.groups) * tile.copied_bytes
    return windowed_gradient_clocks(spec, tile, precision), copied, tile.warps.m_tiles


def _warp_grids(rows: int, columns: int) -> Iterator[WarpGrid]:
    """Eight warps over equal groups of rows and columns."""
    for warps_m in (1, 2, 4, 8):
        warps_n = 8 // warps_m
        column_shares = shares(ceil_div(columns, 8 * warps_n))
        for m_tiles in shares(ceil_div(rows, 16 * warps_m)):
            for n_tiles in column_shares:
                if 4 * m_tiles * n_tiles <= MAX_ACCUMULATORS:
                    yield WarpGrid(warps_m, warps_n, m_tiles, n_tiles)


class WindowedGradient(PatchGradient):
    """Over windows, by warps. Rows that have to pass through registers are never worth it: taken only if asked for."""

    asked = ("auto", "warpgroups", "windows")
    source = "products/windowed/windowed_gradient.cu"
    entry = "windowed_{}_gradient"

    def tile(self, product: Product[ConvLSTMSpec]) -> WindowedGradientTile | None:
        channels = channels_of(product)
        sizes = sizes_of(product.spec, C=channels)
        return windowed_gradient_tile(sizes, channels, has_bias(product), product.precision, product.limits)

    def cost(self, product: Product[ConvLSTMSpec]) -> float:
        tile = self.tile(product)
        if tile is None or not tile.asynchronous:
            return inf
        return BEYOND_COUNT * windowed_gradient_clocks(product.spec, tile, product.precision)
