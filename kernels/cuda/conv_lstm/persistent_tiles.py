"""How a recurrence that runs in one launch is cut into blocks.

All blocks are on the device at a time, one on a multiprocessor, and keep their weights in shared memory. So a block
has as many pixels as it takes for the whole batch to be on the device, and as few columns as it takes for the weights
to fit. Where no cut does both, there is no tile, and the recurrence runs step by step (conv_lstm.cu).
"""

from collections.abc import Callable, Iterable
from functools import cache

from kernels.cuda.common.precision import operand_bytes
from kernels.cuda.common.rounding import ceil_div
from kernels.cuda.launch.launch import DeviceLimits
from kernels.cuda.products.costs import SUM_BYTES
from kernels.cuda.products.strategy import Products
from kernels.cuda.products.warpgroup.warpgroup_tiles import (
    GroupTile,
    channel_group_tiles,
    gate_group_tiles,
    has_warpgroups,
)
from kernels.cuda.products.windowed.windowed_tiles import WindowTile, channel_tiles, gate_tiles
from kernels.specs import ConvLSTMSpec

Tile = WindowTile | GroupTile

BY_WARPGROUPS = ("auto", "warpgroups")
"""The values of CudaBackend(products=...) that take warpgroup products where a device has them."""

ROW_REGISTERS, OTHER_REGISTERS = 5, 40
"""What a state of a row takes that is read (gates, c, dh and h), and about what addresses do."""

SLABS = 5
"""Slabs to cut a window into on warpgroup products, about: the first is multiplied while the others arrive."""


@cache
def forward_tile(spec: ConvLSTMSpec, precision: str, limits: DeviceLimits, products: Products = "auto") -> Tile | None:
    """The tile of h's recurrence: a block has all four gates of its filters. None: no tile fits."""
    sizes = (spec.F, spec.F, spec.kh, spec.kw)
    found: Tile | None = None
    if products in BY_WARPGROUPS and has_warpgroups(precision, limits):
        tiles = (tile for tile in gate_group_tiles(*sizes, precision, one_place=True) if tile.split == 1)
        found = _choose(spec, limits, tiles, forward_front, choice)
    windows = gate_tiles(*sizes, operand_bytes(precision), one_place=True)
    return found or _choose(spec, limits, windows, forward_front, choice)


@cache
def backward_tile(spec: ConvLSTMSpec, precision: str, limits: DeviceLimits, products: Products = "auto") -> Tile | None:
    """The tile of dz's recurrence. None: no tile fits."""
    sizes = (4 * spec.F, spec.F, spec.kh, spec.kw)
    found: Tile | None = None
    if products in BY_WARPGROUPS and has_warpgroups(precision, limits):
        groups = channel_group_tiles(*sizes, precision, one_place=True)
        found = _choose(spec, limits, groups, backward_front, choice_backward)
    windows = channel_tiles(*sizes, operand_bytes(precision), one_place=True)
    return found or _choose(spec, limits, windows, backward_front, choice_backward)


def forward_front(tile: Tile) -> int:
    """Bytes in front of the windows of a block: two float64 sums of each thread (batch_norm_link.cuh)."""
    return SUM_BYTES * tile.threads


def backward_front(tile: Tile) -> int:
    """Bytes in front of the windows of a block on the way back: four coefficients of each column."""
    return 16 * tile.columns


def blocks_of(spec: ConvLSTMSpec, tile: Tile) -> tuple[int, int]:
    """The grid: blocks for all tiles of one frame of the batch, and those that share a tile."""
    return ceil_div(tile.tiles(spec.B, spec.H, spec.W), tile.crews), tile.shares


def _choose(
    spec: ConvLSTMSpec,
    limits: DeviceLimits,
    tiles: Iterable[Tile],
    front: Callable[[Tile], int],
    choice: Callable[[Tile], tuple[int, ...]],
) -> Tile | None:
    """The smallest block whose grid has at most one block for each multiprocessor; of equal ones what `choice` says."""
    fitting = []
    for tile in tiles:
        blocks, groups = blocks_of(spec, tile)
        if blocks * groups <= limits.sm_count and tile.fits(spec.W, limits.shared_bytes_per_block - front(tile)):
            fitting.append(tile)
    return min(fitting, key=choice, default=None)


def choice(tile: Tile, spilt: int = 0) -> tuple[int, ...]:
    """What is taken first: the least. Of tiles alike the one that waits least for its window: few slabs; on warpgroup
    products many crews, which fill each other's time, and much of the window asked for at once.
    """
    if isinstance(tile, WindowTile):
        return tile.area, tile.groups, tile.slabs
    in_flight = min(tile.buffers, tile.slabs) * tile.chunks
    return tile.area, tile.groups, spilt, -tile.crews, -in_flight, abs(tile.slabs - SLABS)


def choice_backward(tile: Tile) -> tuple[int, ...]:
    """Rank a backward tile: as `choice`, but what is spilt counts before crews, as c and dc join the sums."""
    return choice(tile) if isinstance(tile, WindowTile) else choice(tile, _spilt(tile))


def _spilt(tile: GroupTile) -> int:
    """Registers that a thread of persistent_backward.cu lacks for its sums, c, dc and a row that it reads, by count."""
    sums, states = tile.m_tiles * tile.padded_columns // 2, tile.m_tiles // tile.split * tile.padded_columns // 2
    row = tile.padded_columns // 4 * ROW_REGISTERS
    limit = 128 if tile.threads > 384 else 168 if tile.threads > 256 else 255
    return max(0, sums + 2 * states + row + OTHER_REGISTERS - limit)
