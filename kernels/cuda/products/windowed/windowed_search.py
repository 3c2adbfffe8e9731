"""The search for the tile of a convolution over windows in shared memory: what each costs, and the cheapest."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache

from kernels.cuda.common.precision import operand_bytes
from kernels.cuda.common.rounding import ceil_div
from kernels.cuda.launch.launch import DeviceLimits
from kernels.cuda.products.costs import L2_BYTES, STEP_CLOCKS, front_bytes, tiles_of, warp_clocks, windowed_grid
from kernels.cuda.products.windowed.windowed_tiles import STRIPS, WindowTile, channel_tiles, gate_tiles
from kernels.specs import ConvLSTMSpec


@cache
def cheapest_tile(name: str, spec: ConvLSTMSpec, precision: str, limits: DeviceLimits) -> WindowTile | None:
    """The cheapest tile of windowed_<name> that fits on the device. None: none does."""
    kernel, element = (spec.kh, spec.kw), operand_bytes(precision)
    if name.endswith("forward"):
        tiles = gate_tiles(spec.C, spec.F, *kernel, element, one_place=False)
    else:
        tiles = channel_tiles(4 * spec.F, spec.C, *kernel, element, one_place=False)
    fitting = [
        tile for tile in variants(tiles) if tile.fits(spec.W, limits.shared_bytes_per_block - front_bytes(name, tile))
    ]
    return min(fitting, key=lambda tile: windowed_clocks(spec, tile, precision, limits), default=None)


def windowed_clocks(spec: ConvLSTMSpec, tile: WindowTile, precision: str, limits: DeviceLimits) -> float:
    """What a launch with this tile costs a multiprocessor."""
    pixels = tile.window_rows(spec.W) * tile.channels * tile.element
    _, slabs, columns, stride = tile.packed_shape
    weights = slabs * columns * stride * tile.element
    products = tile.slabs * tile.kh * tile.kw * tile.slab
    one = warp_clocks(tile.warps, products, precision, pixels, pixels if tile.resident else pixels + weights)
    blocks, groups = windowed_grid(spec, tile, limits)
    turns = ceil_div(tiles_of(spec, tile), blocks) * ceil_div(blocks * groups, limits.sm_count)
    return turns * (one + slabs * STEP_CLOCKS) + (weights / L2_BYTES if tile.resident else 0.0)


def variants(tiles: Iterable[WindowTile]) -> Iterator[WindowTile]:
    """Each tile in order and in strips, and with its weights in shared memory to stay or two slabs of them in turns."""
    for tile in tiles:
        for strip in (0, *STRIPS):
            yield replace(tile, strip=strip)
            if tile.slabs > 2:
                yield replace(tile, strip=strip, resident=False)
