"""Which kernels take the convolutions of a ConvLSTM, and with which tiles: by counting what each would cost.

Three ways compute them: warpgroup_frames.cuh and windowed_frames.cuh copy a window of pixels to shared memory once, for
Hopper's warpgroup products or for warps; conv.cuh gathers each tap of a pixel anew. The counts are of one
multiprocessor: multiplications, bytes of shared memory and bytes from L2, each over the rate below; the largest of the
three is what a tile costs, but for warpgroup products, where they were seen to add up.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from kernels.cuda.common.precision import operand_bytes
from kernels.cuda.common.rounding import ceil_div
from kernels.cuda.conv_lstm.persistent_tiles import Tile, forward_front
from kernels.cuda.launch.launch import DeviceLimits
from kernels.cuda.products.product_kinds import Products, wants_warpgroups
from kernels.cuda.products.tiles import ConvTile, WarpGrid
from kernels.cuda.products.warpgroup.warpgroup_tiles import (
    CHUNK_BYTES,
    GroupTile,
    channel_group_tiles,
    gate_group_tiles,
)
from kernels.cuda.products.windowed.windowed_tiles import STRIPS, WindowTile, channel_tiles, gate_tiles
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

PRODUCT_COLUMNS = 2
"""Columns of a warpgroup product, 64 rows and 32 bytes deep, that a multiprocessor's tensor cores make in a clock."""

GAPS = 8000
"""What passes between a tile's products, its copies and its stores, where one crew does them all; more crews fill each
other's gaps. With it the count is within 20 % of what 21 tiles of the example's input convolution and its gradient took
on an H200 (bench/results/cuda_log.json), and in their order; crews began together then."""

MEMORY_BYTES = 17.8
"""A clock and multiprocessor: 4.3 TB/s."""


def windowed_tile(
    name: str, spec: ConvLSTMSpec, precision: str, products: Products, gathered: ConvTile, limits: DeviceLimits
) -> Tile | None:
    """The tile of windowed_<name>, the cheapest that fits; None where it is to be gathered, or none fits.

    gathered: the tile of the other way. Raises ValueError where `products` asks for windows and none fits.
    """
    costs: list[tuple[float, Tile | None]] = []
    if wants_warpgroups(products, precision, limits) and (group := cheapest_group_tile(name, spec, precision, limits)):
        costs.append((group_clocks(spec, group, limits), group))
    if products != "gathered" and (tile := cheapest_tile(name, spec, precision, limits)):
        costs.append((BEYOND_COUNT * windowed_clocks(spec, tile, precision, limits), tile))
    if not costs and products == "windows":
        raise ValueError(f"products: expected 'auto' or 'gathered' where windows do not fit, got 'windows' for {spec}")
    if products in ("auto", "gathered") or not costs:
        costs.append((BEYOND_COUNT * gathered_clocks(spec, gathered, precision, limits), None))
    if products == "warpgroups":
        return costs[0][1]
    return min(costs, key=lambda cost: cost[0])[1]


def cheapest_group_tile(name: str, spec: ConvLSTMSpec, precision: str, limits: DeviceLimits) -> GroupTile | None:
    """Return the cheapest tile of windowed_<name> on warpgroup products that fits; None: none does."""
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


def cheapest_tile(name: str, spec: ConvLSTMSpec, precision: str, limits: DeviceLimits) -> WindowTile | None:
    """Return the cheapest tile of windowed_<name> that fits; None: none does."""
    kernel, element = (spec.kh, spec.kw), operand_bytes(precision)
    if name.endswith("forward"):
        tiles = gate_tiles(spec.C, spec.F, *kernel, element, one_place=False)
    else:
        tiles = channel_tiles(4 * spec.F, spec.C, *kernel, element, one_place=False)
    fitting = [
        tile for tile in _variants(tiles) if tile.fits(spec.W, limits.shared_bytes_per_block - front_bytes(name, tile))
    ]
    return min(fitting, key=lambda tile: windowed_clocks(spec, tile, precision, limits), default=None)


def front_bytes(name: str, tile: Tile) -> int:
    """What windowed_<name> keeps in front of the windows: a step forward the sums of batch_norm_link.cuh."""
    return forward_front(tile) if name == "step_forward" else 0


def windowed_grid(spec: ConvLSTMSpec, tile: Tile, limits: DeviceLimits) -> tuple[int, int]:
    """Blocks for all frames: one for each multiprocessor, if there are tiles enough."""
    most = max(1, limits.sm_count // tile.groups)
    return min(ceil_div(_tiles(spec, tile), tile.crews), most), tile.groups


def windowed_clocks(spec: ConvLSTMSpec, tile: WindowTile, precision: str, limits: DeviceLimits) -> float:
    """What a launch with this tile costs a multiprocessor."""
    pixels = tile.window_rows(spec.W) * tile.channels * tile.element
    _, slabs, columns, stride = tile.packed_shape
    weights = slabs * columns * stride * tile.element
    products = tile.slabs * tile.kh * tile.kw * tile.slab
    one = _clocks(tile.warps, products, precision, pixels, pixels if tile.resident else pixels + weights)
    blocks, groups = windowed_grid(spec, tile, limits)
    turns = ceil_div(_tiles(spec, tile), blocks) * ceil_div(blocks * groups, limits.sm_count)
    return turns * (one + slabs * STEP_CLOCKS) + (weights / L2_BYTES if tile.resident else 0.0)


def group_clocks(spec: ConvLSTMSpec, tile: GroupTile, limits: DeviceLimits) -> float:
    """Clocks of a tile on warpgroup products, which read both factors from shared memory as they multiply."""
    _, slabs, weights = tile.packed_shape
    weights *= tile.element
    columns, copied = tile.padded_columns, tile.window_bytes(spec.W) + (0 if tile.resident else weights)
    products = slabs * tile.steps * tile.m_tiles * tile.warpgroups
    read = 64 * CHUNK_BYTES * 2 + columns * CHUNK_BYTES * 2
    multiplied = products * max(columns / PRODUCT_COLUMNS, read / SHARED_BYTES) + slabs * copied / SHARED_BYTES
    stored = tile.rows * columns * tile.element / MEMORY_BYTES
    one = tile.crews * (multiplied + stored + slabs * copied / L2_BYTES) + GAPS / tile.crews
    blocks, groups = windowed_grid(spec, tile, limits)
    turns = ceil_div(_tiles(spec, tile), blocks * tile.crews) * ceil_div(blocks * groups, limits.sm_count)
    return turns * one + (slabs * weights / L2_BYTES if tile.resident else 0.0)


def gathered_clocks(spec: ConvLSTMSpec, tile: ConvTile, precision: str, limits: DeviceLimits) -> float:
    """What a launch of conv.cuh with this tile costs a multiprocessor, where another block hides its barriers."""
    _, products = tile.packed_shape
    copied = (tile.warps.rows + tile.warps.columns) * products * tile.element
    one = _clocks(tile.warps, products, precision, copied, copied)
    blocks, groups = tile.grid(spec.T * spec.B * spec.H * spec.W)
    return ceil_div(blocks * groups, limits.sm_count) * one


def _clocks(warps: WarpGrid, products: int, precision: str, to_shared: float, from_l2: float) -> float:
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


def _tiles(spec: ConvLSTMSpec, tile: Tile) -> int:
    return tile.tiles(spec.T * spec.B, spec.H, spec.W)


def _variants(tiles: Iterable[WindowTile]) -> Iterator[WindowTile]:
    """Each tile in order and in strips, and with its weights in shared memory to stay or two slabs of them in turns."""
    for tile in tiles:
        for strip in (0, *STRIPS):
            yield replace(tile, strip=strip)
            if tile.slabs > 2:
                yield replace(tile, strip=strip, resident=False)
