"""Which kernels take the convolutions of a ConvLSTM, and with which tiles: by counting what each would cost.

Two ways compute them: windowed_frames.cuh copies a window of pixels to shared memory once, conv.cuh gathers each tap of
a pixel anew. The counts are of one multiprocessor: multiplications, bytes of shared memory and bytes from L2, each
over the rate below; the largest of the three is what a tile costs. Nobody has timed them (docs/gpu_performance.md).
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Literal

from kernels.cuda.launch import DeviceLimits
from kernels.cuda.persistent_tiles import forward_front
from kernels.cuda.precision import operand_bytes
from kernels.cuda.tiles import ConvTile, WarpGrid, ceil_div
from kernels.cuda.windowed_tiles import STRIPS, WindowTile, channel_tiles, gate_tiles
from kernels.specs import ConvLSTMSpec

Products = Literal["auto", "windows", "gathered"]
PRODUCTS = ("auto", "windows", "gathered")

MULTIPLICATIONS = {"float32": 128, "tf32": 645, "bfloat16": 1290}
"""A clock and multiprocessor of an H200; those of tensor cores at 63 % of the data sheet, what mma.sync reaches."""

SHARED_BYTES = 128
"""A clock and multiprocessor."""

L2_BYTES = 22.8
"""A clock and multiprocessor: 5.5 TB/s, 132 multiprocessors, 1.83 GHz. What L1 may save of it is not counted."""

WARPS = 8
"""Of a multiprocessor, two for each of its schedulers: with fewer the arithmetic waits for itself. A guess, too."""

STEP_CLOCKS = 400
"""What a barrier and the start of the copies behind it take, for each slab of a tile: a guess."""


def windowed_tile(
    name: str, spec: ConvLSTMSpec, precision: str, products: Products, gathered: ConvTile, limits: DeviceLimits
) -> WindowTile | None:
    """The tile of windowed_<name>, the cheapest that fits; None where it is to be gathered, or none fits.

    gathered: the tile of the other way. Raises ValueError where `products` asks for windows and none fits.
    """
    if products == "gathered":
        return None
    tile = cheapest_tile(name, spec, precision, limits)
    if tile is None and products == "windows":
        raise ValueError(f"products: expected 'auto' or 'gathered' where windows do not fit, got 'windows' for {spec}")
    if tile is None or products == "windows":
        return tile
    windowed = windowed_clocks(spec, tile, precision, limits)
    return tile if windowed < gathered_clocks(spec, gathered, precision, limits) else None


def cheapest_tile(name: str, spec: ConvLSTMSpec, precision: str, limits: DeviceLimits) -> WindowTile | None:
    """Of the tiles of windowed_<name> that fit; None: none does."""
    kernel, element = (spec.kh, spec.kw), operand_bytes(precision)
    if name.endswith("forward"):
        tiles = gate_tiles(spec.C, spec.F, *kernel, element, one_place=False)
    else:
        tiles = channel_tiles(4 * spec.F, spec.C, *kernel, element, one_place=False)
    fitting = [
        tile for tile in _variants(tiles) if tile.fits(spec.W, limits.shared_bytes_per_block - front_bytes(name, tile))
    ]
    return min(fitting, key=lambda tile: windowed_clocks(spec, tile, precision, limits), default=None)


def front_bytes(name: str, tile: WindowTile) -> int:
    """What windowed_<name> keeps in front of the windows: a step forward the sums of batch_norm_link.cuh."""
    return forward_front(tile) if name == "step_forward" else 0


def windowed_grid(spec: ConvLSTMSpec, tile: WindowTile, limits: DeviceLimits) -> tuple[int, int]:
    """Blocks for all frames: one for each multiprocessor, if there are tiles enough."""
    return min(_tiles(spec, tile), max(1, limits.sm_count // tile.groups)), tile.groups


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


def gathered_clocks(spec: ConvLSTMSpec, tile: ConvTile, precision: str, limits: DeviceLimits) -> float:
    """What a launch of conv.cuh with this tile costs a multiprocessor, where another block hides its barriers."""
    _, products = tile.packed_shape
    copied = (tile.warps.rows + tile.warps.columns) * products * tile.element
    one = _clocks(tile.warps, products, precision, copied, copied)
    blocks, groups = tile.grid(spec.T * spec.B * spec.H * spec.W)
    return ceil_div(blocks * groups, limits.sm_count) * one


def _clocks(warps: WarpGrid, products: int, precision: str, to_shared: float, from_l2: float) -> float:
    """One tile: products a sum, bytes copied to shared memory and those read from L2."""
    multiplications = warps.rows * warps.columns * products
    m, n = 16 * warps.m_tiles, 8 * warps.n_tiles
    read = multiplications * (m + n) / (m * n) * operand_bytes(precision)
    idle = max(1.0, WARPS * 32 / warps.threads)
    arithmetic = idle * multiplications / MULTIPLICATIONS[precision]
    return max(arithmetic, (read + to_shared) / SHARED_BYTES, from_l2 / L2_BYTES)


def _tiles(spec: ConvLSTMSpec, tile: WindowTile) -> int:
    return tile.tiles(spec.T * spec.B, spec.H, spec.W)


def _variants(tiles: Iterable[WindowTile]) -> Iterator[WindowTile]:
    """Each tile in order and in strips, and with its weights in shared memory to stay or two slabs of them in turns."""
    for tile in tiles:
        for strip in (0, *STRIPS):
            yield replace(tile, strip=strip)
            if tile.slabs > 2:
                yield replace(tile, strip=strip, resident=False)
