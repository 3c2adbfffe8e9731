"""How a weight gradient by products of warpgroups is cut into blocks, and whether it is taken (Hopper, bfloat16).

A block has all pixels of its slice, which two crews of it share, 64 columns of the gradient and a group of its taps,
all where the registers allow. What a tile costs is counted as costs.py counts it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from math import inf, prod
from typing import ClassVar

from kernels.cuda.common.rounding import ceil_div
from kernels.cuda.launch.launch import DeviceLimits
from kernels.cuda.products.costs import BLOCKS, L2_BYTES, SHARED_BYTES, STEP_CLOCKS
from kernels.cuda.products.patch_gradient import PatchGradient, channels_of, has_bias
from kernels.cuda.products.patch_tiles import MAX_PIECES, PATCH_WIDTH, PatchTile, patch_row_choices
from kernels.cuda.products.strategy import Product, sizes_of
from kernels.cuda.products.warpgroup.warpgroup_tiles import has_warpgroups
from kernels.specs import ConvLSTMSpec

ELEMENT = 2
"""Bytes of an operand."""

PIECE = 8
"""Elements of 16 bytes; PIECE in warpgroup_gradient_bf16.cuh."""

PAIR_ROWS = 4
"""Rows of a patch whose products follow one another without a branch; PAIR_ROWS in warpgroup_gradient_bf16.cuh."""

BLOCK_COLUMNS, THREADS, CREWS = 64, 128, 2
"""The rows of a warpgroup's D, its threads, and the warpgroups of a block."""

BIAS_COLUMNS = 8
"""The smallest product's, which the bias takes."""

MAX_PRODUCT_COLUMNS = 160
"""Most columns of a product, D's: what wgmma.cuh spells out."""

MAX_ACCUMULATORS = 184
"""Most accumulators of a thread: with fragments and addresses about 230 of its 255 registers."""

ONES_BYTES = 128
"""The factor of the bias, in front of the patches."""

MAX_STAGES = 4
"""Patches in shared memory. By then copies have two patches' time and more."""

ARRIVAL_CLOCKS = 2100
"""From asking for a row to having it: with two stages, whose last rows are asked for when three quarters of a patch are
multiplied, a patch of the example took 8,800 clocks on an H200 where its products by themselves took 5,100."""

MULTIPLICATIONS = 1350
"""A clock and multiprocessor: a prototype's 656 TFLOP/s on an H200."""


@dataclass(frozen=True)
class WarpgroupBf16Tile(PatchTile):
    """The tile of one weight gradient; WarpgroupGradientTile in warpgroup_gradient_bf16.cuh.

    Attributes:
        channels: of x.
        columns: of dz.
        kh, kw: the kernel.
        bias: whether there is a row for the bias.
        tap_rows, tap_columns: the group of taps of a block.
        stages: patches in shared memory, the one that is multiplied and those that arrive.
        patch_rows: rows of 8 pixels that a block multiplies at a time.
    """

    blocks: ClassVar[int] = BLOCKS

    channels: int
    columns: int
    kh: int
    kw: int
    bias: bool
    tap_rows: int
    tap_columns: int
    stages: int
    patch_rows: int

    @property
    def arguments(self) -> str:
        return f"{self.tap_rows}, {self.tap_columns}, {self.stages}"

    @property
    def threads(self) -> int:
        return CREWS * THREADS

    @property
    def groups(self) -> tuple[int, int]:
        """Blocks along the taps and the columns."""
        taps = self.kh // self.tap_rows * (self.kw // self.tap_columns)
        return taps, ceil_div(self.columns, BLOCK_COLUMNS)

    @property
    def product_columns(self) -> int:
        """N of one product."""
        return self.tap_rows * self.channels

    @property
    def accumulators(self) -> int:
        """Accumulators of a thread."""
        return (self.tap_columns * self.product_columns + self._bias_columns) // 2

    @property
    def window_width(self) -> int:
        return PATCH_WIDTH + self.kw - 1

    @property
    def shared_bytes(self) -> int:
        window = (self.patch_rows + self.kh - 1) * (self.window_width + 1) * self.channels
        dz = self.patch_rows * (PATCH_WIDTH + 1) * BLOCK_COLUMNS
        stages = CREWS * self.stages * ELEMENT * (window + dz)
        return ONES_BYTES + max(stages, CREWS * 4 * THREADS * self._half)

    @property
    def copied_bytes(self) -> int:
        """From L2 to shared memory for one patch."""
        window = (self.patch_rows + self.kh - 1) * self.window_width * self.channels
        return ELEMENT * (window + self.patch_pixels * BLOCK_COLUMNS)

    @property
    def pieces(self) -> int:
        """Copies that a thread makes for each row of a patch."""
        elements = self.window_width * self.channels + PATCH_WIDTH * BLOCK_COLUMNS
        return ceil_div(elements // PIECE, THREADS)

    @property
    def clocks(self) -> float:
        """What a patch costs a multiprocessor."""
        taps = self.tap_columns * self.product_columns + self._bias_columns
        multiplications = self.patch_pixels * BLOCK_COLUMNS * taps
        read = ELEMENT * self.patch_pixels * (BLOCK_COLUMNS + taps)
        copied = self.copied_bytes
        return max(multiplications / MULTIPLICATIONS, (read + copied) / SHARED_BYTES, copied / L2_BYTES)

    def fits(self, shared_bytes: int) -> bool:
        """Whether the kernel can run it in so much shared memory."""
        return (
            self.product_columns <= MAX_PRODUCT_COLUMNS
            and self.accumulators <= MAX_ACCUMULATORS
            and self.pieces <= MAX_PIECES
            and self.shared_bytes <= shared_bytes
        )

    @property
    def _half(self) -> int:
        """Sums that a thread hands to the other crew: those of half of its columns of dz."""
        return self.tap_columns * self.product_columns // 4 + int(self.bias)

    @property
    def _bias_columns(self) -> int:
        return BIAS_COLUMNS if self.bias else 0


@cache
def warpgroup_bf16_tile(
    spec: ConvLSTMSpec, channels: int, bias: bool, limits: DeviceLimits
) -> WarpgroupBf16Tile | None:
    """The tile of a gradient of weights (kh,kw,channels,4F) that costs least. None: the kernels are not for it."""
    return next(iter(warpgroup_bf16_tiles(spec, channels, bias, limits)), None)


def warpgroup_bf16_tiles(
    spec: ConvLSTMSpec, channels: int, bias: bool, limits: DeviceLimits
) -> list[WarpgroupBf16Tile]:
    """All that fit, those first that cost least."""
    columns = 4 * spec.F
    if not has_warpgroups("bfloat16", limits) or channels % PIECE or columns % PIECE:
        return []
    tiles = (
        WarpgroupBf16Tile(channels, columns, spec.kh, spec.kw, bias, tap_rows, tap_columns, stages, rows)
        for tap_rows in _divisors(spec.kh)
        for tap_columns in _divisors(spec.kw)
        for rows in patch_row_choices(spec.H, PAIR_ROWS)
        for stages in range(2, MAX_STAGES + 1)
    )
    fitting = (tile for tile in tiles if tile.fits(limits.shared_bytes_per_block))
    return sorted(fitting, key=lambda tile: _cost(spec, tile))


def warpgroup_bf16_clocks(spec: ConvLSTMSpec, tile: WarpgroupBf16Tile) -> float:
    """What the sums over all frames cost a multiprocessor of a large device; its block takes two patches at a time."""
    slices, per_slice = tile.slices(tile.patches(spec.T * spec.B, spec.H, spec.W))
    turns = ceil_div(per_slice, CREWS) * ceil_div(slices * prod(tile.groups), BLOCKS)
    # The last rows of a patch are asked for three quarters through the patch that is stages - 1 before it.
    return turns * (max(CREWS * tile.clocks, ARRIVAL_CLOCKS / (tile.stages - 1.75)) + STEP_CLOCKS)


def _cost(spec: ConvLSTMSpec, tile: WarpgroupBf16Tile) -> tuple[float, int, int]:
    """Rank a tile: by clocks, then by what it reads from L2, then by how early it asks."""
    patches = tile.patches(spec.T * spec.B, spec.H, spec.W)
    return warpgroup_bf16_clocks(spec, tile), patches * prod(tile.groups) * tile.copied_bytes, -tile.stages


def _divisors(whole: int) -> Iterator[int]:
    return (part for part in range(1, whole + 1) if whole % part == 0)


class WarpgroupBf16Gradient(PatchGradient):
    """By Hopper's products of warpgroups, in bfloat16."""

    asked = ("auto", "warpgroups")
    source = "products/warpgroup/warpgroup_gradient_bf16.cu"
    entry = "warpgroup_{}_gradient_bf16"

    def tile(self, product: Product[ConvLSTMSpec]) -> WarpgroupBf16Tile | None:
        if product.precision != "bfloat16":
            return None
        channels = channels_of(product)
        return warpgroup_bf16_tile(sizes_of(product.spec, C=channels), channels, has_bias(product), product.limits)

    def cost(self, product: Product[ConvLSTMSpec]) -> float:
        tile = self.tile(product)
        return inf if tile is None else warpgroup_bf16_clocks(product.spec, tile)
