"""The search for the tile of a convolution on warpgroup products: what each costs, and the cheapest."""

from functools import cache

from kernels.cuda.common.rounding import ceil_div
from kernels.cuda.launch.launch import DeviceLimits
from kernels.cuda.products.costs import L2_BYTES, SHARED_BYTES, front_bytes, tiles_of, windowed_grid
from kernels.cuda.products.warpgroup.warpgroup_tiles import (
    CHUNK_BYTES,
    GroupTile,
    channel_group_tiles,
    gate_group_tiles,
)
from kernels.specs import ConvLSTMSpec

PRODUCT_COLUMNS = 2
"""Columns of a warpgroup product, 64 rows and 32 bytes deep, that a multiprocessor's tensor cores make in a clock."""

GAPS = 8000
"""What passes between a tile's products, its copies and its stores, where one crew does them all; more crews fill each
other's gaps. With it the count is within 20 % of what 21 tiles of the example's input convolution and its gradient took
on an H200 (bench/results/cuda_log.json), and in their order; crews began together then."""

MEMORY_BYTES = 17.8
"""A clock and multiprocessor: 4.3 TB/s."""


@cache
def cheapest_group_tile(name: str, spec: ConvLSTMSpec, precision: str, limits: DeviceLimits) -> GroupTile | None:
    """The cheapest tile of windowed_<name> on warpgroup products that fits on the device. None: none does."""
    kernel = (spec.kh, spec.kw)
    if name.endswith("forward"):
        tiles = gate_group_tiles(spec.C, spec.F, *kernel, precision, one_place=False)
    else:
        tiles = channel_group_tiles(4 * spec.F, spec.C, *kernel, precision, one_place=False)
    fitting = [tile for tile in tiles if tile.fits(spec.W, limits.shared_bytes_per_block - front_bytes(name, tile))]
    return min(fitting, key=lambda tile: choice_over_frames(spec, tile, limits), default=None)


def choice_over_frames(spec: ConvLSTMSpec, tile: GroupTile, limits: DeviceLimits) -> tuple[float, bool, int, int]:
    """What is taken first: the least. Of tiles that count alike, one that asks for 64 bytes of a pixel ahead, in few
    slabs and in little shared memory, which leaves L1 more.
    """
    return group_clocks(spec, tile, limits), (tile.buffers - 1) * tile.chunks < 4, -tile.chunks, tile.buffers


def group_clocks(spec: ConvLSTMSpec, tile: GroupTile, limits: DeviceLimits) -> float:
    """What a launch with this tile costs a multiprocessor, which reads both factors from shared memory."""
    _, slabs, weights = tile.packed_shape
    weights *= tile.element
    columns, copied = tile.padded_columns, tile.window_bytes(spec.W) + (0 if tile.resident else weights)
    products = slabs * tile.steps * tile.m_tiles * tile.warpgroups
    read = 64 * CHUNK_BYTES * 2 + columns * CHUNK_BYTES * 2
    multiplied = products * max(columns / PRODUCT_COLUMNS, read / SHARED_BYTES) + slabs * copied / SHARED_BYTES
    stored = tile.rows * columns * tile.element / MEMORY_BYTES
    one = tile.crews * (multiplied + stored + slabs * copied / L2_BYTES) + GAPS / tile.crews
    blocks, groups = windowed_grid(spec, tile, limits)
    turns = ceil_div(tiles_of(spec, tile), blocks * tile.crews) * ceil_div(blocks * groups, limits.sm_count)
    return turns * one + (slabs * weights / L2_BYTES if tile.resident else 0.0)
