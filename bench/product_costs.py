"""What product_tiles.py counts for a ConvLSTM's convolutions in each way: microseconds, not measured."""

from dataclasses import replace

from kernels.cuda.conv_lstm.conv_lstm import Tiles
from kernels.cuda.launch.dry_runtime import H200
from kernels.cuda.products.product_tiles import (
    BEYOND_COUNT,
    cheapest_group_tile,
    cheapest_tile,
    gathered_clocks,
    group_clocks,
    windowed_clocks,
)
from kernels.cuda.products.warpgroup.warpgroup_tiles import has_warpgroups
from kernels.specs import ConvLSTMSpec

CLOCKS_PER_US = 1830.0
"""Clock rate of an H200."""

LAYERS = {
    "40 -> 40, 40x40, batch 10, 15 frames": ConvLSTMSpec(T=15, B=10, H=40, W=40, C=40, F=40, kh=3, kw=3),
    "64 -> 64, 256x256, batch 8, 10 frames": ConvLSTMSpec(T=10, B=8, H=256, W=256, C=64, F=64, kh=3, kw=3),
    "40 -> 40, 40x40, one frame of one track": ConvLSTMSpec(
        T=1, B=1, H=40, W=40, C=40, F=40, kh=3, kw=3, training=False
    ),
}

CONVOLUTIONS = ("input_forward", "input_backward", "step_forward", "step_backward")


Costs = tuple[float, float | None, float | None]
"""Cost of one convolution: gathered, by the cheapest window that fits, on warpgroup products; None: nothing fits."""


def product_costs(layer: ConvLSTMSpec, precision: str) -> dict[str, Costs]:
    """For each convolution what it costs on an H200; those with mma.sync and FFMA times BEYOND_COUNT."""
    found: dict[str, Costs] = {}
    for name in CONVOLUTIONS:
        spec = layer if name.startswith("input") else replace(layer, T=1, C=layer.F)
        gathered = gathered_clocks(spec, getattr(Tiles(layer, precision), name), precision, H200)
        tile = cheapest_tile(name, spec, precision, H200)
        windows = None if tile is None else windowed_clocks(spec, tile, precision, H200)
        by_groups = has_warpgroups(precision, H200)
        group_tile = cheapest_group_tile(name, spec, precision, H200) if by_groups else None
        warpgroups = None if group_tile is None else group_clocks(spec, group_tile, H200) / CLOCKS_PER_US
        unit = BEYOND_COUNT / CLOCKS_PER_US
        found[name] = (gathered * unit, None if windows is None else windows * unit, warpgroups)
    return found
