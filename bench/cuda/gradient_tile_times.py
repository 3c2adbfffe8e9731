"""The weight gradients of part (g): what their tiles on Hopper's warpgroup products take, beside what is counted.

Of one layer of the example, the gradient of its kernel: the tiles that fit, those first that the planner would take.
It is what ARRIVAL_CLOCKS of warpgroup_gradient_bf16_tiles.py should be held against.
"""

from functools import partial

from bench.cuda.device import Device, noise
from bench.cuda.part import Part
from bench.cuda.step_times import repeated_seconds
from kernels.cuda.common.precision import operand_dtype
from kernels.cuda.launch.launch import DeviceLimits, Runtime
from kernels.cuda.products.binding import Launch
from kernels.cuda.products.patch_gradient import PatchGradient
from kernels.cuda.products.patch_tiles import PatchTile
from kernels.cuda.products.strategy import Product
from kernels.cuda.products.warpgroup.warpgroup_gradient_bf16_tiles import (
    WarpgroupBf16Gradient,
    warpgroup_bf16_clocks,
    warpgroup_bf16_tiles,
)
from kernels.cuda.products.warpgroup.warpgroup_gradient_tf32_tiles import (
    WarpgroupTf32Gradient,
    warpgroup_tf32_clocks,
    warpgroup_tf32_tiles,
)
from kernels.specs import ConvLSTMSpec

STRATEGIES: dict[str, PatchGradient] = {"tf32": WarpgroupTf32Gradient(), "bfloat16": WarpgroupBf16Gradient()}

MOST = 6
"""Tiles in one precision."""


def record_gradient_tiles(part: Part, device: Device, spec: ConvLSTMSpec, precision: str) -> None:
    """One record for each tile; their programs compile side by side."""
    bound = [
        (tile, clocks, launch_of(device.runtime, spec, precision, tile))
        for tile, clocks in tiles(spec, precision, device.runtime.limits)
    ]
    for tile, clocks, launch in bound:
        part.record(
            "gradient tile", kernel=STRATEGIES[precision].entry.format("kernel"), precision=precision,
            arguments=tile.arguments, patch_rows=tile.patch_rows, seconds=repeated_seconds(device, launch),
            counted_clocks=clocks,
        )  # fmt: skip


def tiles(spec: ConvLSTMSpec, precision: str, limits: DeviceLimits) -> list[tuple[PatchTile, float]]:
    """The first MOST, each with what it counts."""
    if precision == "tf32":
        tf32 = warpgroup_tf32_tiles(spec, spec.C, True, limits)[:MOST]
        return [(tile, warpgroup_tf32_clocks(spec, tile)) for tile in tf32]
    bf16 = warpgroup_bf16_tiles(spec, spec.C, True, limits)[:MOST]
    return [(tile, warpgroup_bf16_clocks(spec, tile)) for tile in bf16]


def launch_of(runtime: Runtime, spec: ConvLSTMSpec, precision: str, tile: PatchTile) -> Launch:
    """A call that launches it once, on random arrays of its own."""
    product = Product("kernel", spec, precision, runtime.limits)
    way = STRATEGIES[precision].bind_tile(product, runtime, tile)
    frames, operands = (spec.T, spec.B, spec.H, spec.W), operand_dtype(precision)
    x, dz = noise(runtime, (*frames, spec.C), operands), noise(runtime, (*frames, spec.F, 4), operands)
    partial_sums = runtime.zeros((way.slices(spec.T), spec.kh * spec.kw * spec.C + 1, 4 * spec.F), "float32")
    bound = way.bind(spec.T, {"x": x.shape, "dz": dz.shape, "partial": partial_sums.shape})
    return partial(bound, x=x, dz=dz, partial=partial_sums)
