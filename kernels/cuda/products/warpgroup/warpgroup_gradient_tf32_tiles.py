"""How a weight gradient in tf32 by Hopper's warpgroup products is cut into blocks, and what it costs beside the others.

A block has 128 places, each a dx and a channel, with every dy, and as many columns as the registers of its threads
allow. What a tile costs is counted as costs.py counts it.
"""

from dataclasses import dataclass
from functools import cache
from math import inf, prod
from typing import ClassVar

from kernels.cuda.common.rounding import ceil_div, round_up
from kernels.cuda.launch.launch import DeviceLimits
from kernels.cuda.products.costs import BLOCKS, L2_BYTES, SHARED_BYTES, STEP_CLOCKS
from kernels.cuda.products.patch_gradient import PatchGradient, channels_of, has_bias
from kernels.cuda.products.patch_tiles import MAX_PATCH_ROWS, PATCH_WIDTH, PatchTile
from kernels.cuda.products.strategy import Product, sizes_of
from kernels.cuda.products.tiles import shared_stride
from kernels.cuda.products.warpgroup.warpgroup_tiles import has_warpgroups
from kernels.specs import ConvLSTMSpec

WARPGROUPS, WARPGROUP_ROWS = 2, 64
"""That multiply, and the rows of the product of one of them."""

COPYING, SQUARES = 128, 7
"""Threads that copy, and how many squares of four pixels by four columns of dz each of them keeps in registers."""

THREADS = 128 * WARPGROUPS + COPYING

MAX_REGISTERS = 136
"""Most registers of a thread for sums and factors; addresses take the rest of its 168. More is seen to spill."""

MAX_KERNEL_HEIGHT = 9
"""Higher ones are seen to spill, too."""

MAX_COLUMNS = 160
"""Most columns of one warpgroup product, of those that wgmma.cuh spells out."""

MULTIPLICATIONS = 973
"""A clock and multiprocessor of an H200: 470 TFLOP/s at 1.83 GHz, what a convolution by such products reached."""


@dataclass(frozen=True)
class WarpgroupTf32Tile(PatchTile):
    """The tile of one weight gradient; WarpgroupGradientTile in warpgroup_gradient_tf32.cuh.

    Attributes:
        channels: of x, a multiple of 8.
        columns: of dz.
        kh, kw: the kernel.
        bias: whether there is a row for the bias.
        block_columns: of one block.
        patch_rows: rows of 8 pixels that a block multiplies at a time.
    """

    channels: int
    columns: int
    kh: int
    kw: int
    bias: bool
    block_columns: int
    patch_rows: int

    blocks: ClassVar[int] = BLOCKS

    @property
    def threads(self) -> int:
        return THREADS

    @property
    def arguments(self) -> str:
        return str(self.block_columns)

    @property
    def groups(self) -> tuple[int, int]:
        """Blocks along the places and the columns."""
        places = self.kw * self.channels + int(self.bias)
        return ceil_div(places, WARPGROUPS * WARPGROUP_ROWS), ceil_div(self.columns, self.block_columns)

    @property
    def window_pixels(self) -> int:
        """Pixels that a patch and its taps reach."""
        return (PATCH_WIDTH + self.kw - 1) * (self.patch_rows + self.kh - 1)

    @property
    def shared_bytes(self) -> int:
        """Two stages: windows, and two planes of dz for each row, padded by 16 bytes."""
        planes = 2 * self.patch_rows * (4 * self.block_columns + 4)
        return 2 * 4 * (self.window_pixels * shared_stride(self.channels) + planes)

    @property
    def copied_bytes(self) -> int:
        """From L2 to shared memory for one patch."""
        return 4 * (self.window_pixels * self.channels + PATCH_WIDTH * self.patch_rows * self.block_columns)


@cache
def warpgroup_tf32_tile(
    spec: ConvLSTMSpec, channels: int, bias: bool, limits: DeviceLimits
) -> WarpgroupTf32Tile | None:
    """The tile of a gradient of weights (kh,kw,channels,4F) that costs least. None: the kernel cannot run."""
    return next(iter(warpgroup_tf32_tiles(spec, channels, bias, limits)), None)


def warpgroup_tf32_tiles(
    spec: ConvLSTMSpec, channels: int, bias: bool, limits: DeviceLimits
) -> list[WarpgroupTf32Tile]:
    """All that fit, those first that cost least."""
    if not has_warpgroups("tf32", limits) or channels % 8 != 0 or spec.kh > MAX_KERNEL_HEIGHT:
        return []
    registers = MAX_REGISTERS - 4 * (spec.kh + 1)  # for sums, beside the rows of the window
    most = min(2 * registers // spec.kh // 8 * 8, MAX_COLUMNS)
    columns = 4 * spec.F
    block_columns = round_up(ceil_div(columns, ceil_div(columns, most)), 8)
    shares = {round_up(ceil_div(spec.H, parts), spec.kh + 1) for parts in range(1, spec.H + 1)}
    tiles = (
        WarpgroupTf32Tile(channels, columns, spec.kh, spec.kw, bias, block_columns, rows)
        for rows in shares
        if rows <= MAX_PATCH_ROWS
        and PATCH_WIDTH * rows * block_columns <= 16 * SQUARES * COPYING
        and 4 * rows * spec.W * columns < 1 << 32  # bytes from a patch's first row to its last
    )
    fitting = (tile for tile in tiles if tile.shared_bytes <= limits.shared_bytes_per_block)
    return sorted(fitting, key=lambda tile: warpgroup_tf32_clocks(spec, tile))


def warpgroup_tf32_clocks(spec: ConvLSTMSpec, tile: WarpgroupTf32Tile) -> float:
    """What the sums over all frames cost a multiprocessor of a large device."""
    slices, per_slice = tile.slices(tile.patches(spec.T * spec.B, spec.H, spec.W))
    turns = per_slice * ceil_div(slices * prod(tile.groups), BLOCKS)
    pixels, places = PATCH_WIDTH * tile.patch_rows, WARPGROUPS * WARPGROUP_ROWS
    multiplications = pixels * places * tile.kh * tile.block_columns
    # Each warpgroup reads the columns for each dy, and a place once; the columns are written besides.
    read = 4 * pixels * (WARPGROUPS * tile.kh * tile.block_columns + places)
    shared, copied = (read + tile.copied_bytes) / SHARED_BYTES, tile.copied_bytes / L2_BYTES
    return turns * (max(multiplications / MULTIPLICATIONS, shared, copied) + STEP_CLOCKS)


class WarpgroupTf32Gradient(PatchGradient):
    """By Hopper's products of warpgroups, in tf32."""

    asked = ("auto", "warpgroups")
    source = "products/warpgroup/warpgroup_gradient_tf32.cu"
    entry = "warpgroup_{}_gradient_tf32"

    def tile(self, product: Product[ConvLSTMSpec]) -> WarpgroupTf32Tile | None:
        if product.precision != "tf32":
            return None
        channels = channels_of(product)
        return warpgroup_tf32_tile(sizes_of(product.spec, C=channels), channels, has_bias(product), product.limits)

    def cost(self, product: Product[ConvLSTMSpec]) -> float:
        tile = self.tile(product)
        return inf if tile is None else warpgroup_tf32_clocks(product.spec, tile)
