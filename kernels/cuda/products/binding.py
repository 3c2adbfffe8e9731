"""Kernels with all bound that an operation knows when it is made: grid, block, shared memory, sizes."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from kernels.activations import HARD_SIGMOID_SLOPE
from kernels.cuda.common.precision import precision_defines
from kernels.cuda.common.rounding import ceil_div
from kernels.cuda.launch.launch import Program, Size
from kernels.cuda.launch.source import Constant
from kernels.cuda.products.tiles import ConvTile, GradientTile
from kernels.specs import BatchNormSpec, Conv3DSpec, ConvLSTMSpec

Launch = Callable[..., None]

ELEMENT_THREADS = 256

MAX_PIXELS = 2**30
"""The kernels count pixels in 32 bits, and look a little past the last one."""


def count_pixels(spec: ConvLSTMSpec | BatchNormSpec | Conv3DSpec) -> int:
    """T*B*H*W; raises ValueError where the kernels could not count so far."""
    pixels = spec.T * spec.B * spec.H * spec.W
    if pixels > MAX_PIXELS:
        raise ValueError(
            f"spec: expected at most 2**30 pixels (T*B*H*W), got {pixels:,} in {spec}; lower the batch size"
        )
    return pixels


def cell_defines(spec: ConvLSTMSpec, precision: str) -> dict[str, Constant]:
    """The constants of conv_lstm_cell.cuh."""
    return {
        "SPEC_F": spec.F,
        "SPEC_KH": spec.kh,
        "SPEC_KW": spec.kw,
        "GATE_SLOPE": HARD_SIGMOID_SLOPE.get(spec.recurrent_activation, 0.0),
        **precision_defines(precision),
    }


def conv3d_defines(spec: Conv3DSpec, precision: str) -> dict[str, Constant]:
    """The constants of conv3d.cuh but for its tile; frame sizes, frames and batch are arguments."""
    return {
        "SPEC_C": spec.C,
        "SPEC_K": spec.K,
        "SPEC_KT": spec.kt,
        "SPEC_KH": spec.kh,
        "SPEC_KW": spec.kw,
        "SPEC_BEFORE": spec.frames_before,
        **precision_defines(precision),
    }


def tile_defines(tiles: object) -> dict[str, Constant]:
    """A tile's template arguments by the name of the attribute it stands in, in capitals."""
    return {name.upper(): tile.arguments for name, tile in vars(tiles).items()}


def bind_convolution(
    program: Program,
    name: str,
    tile: ConvTile,
    pixels: int,
    sizes: Mapping[str, Size],
    optional: tuple[str, ...] = (),
    **scalars: Any,
) -> Launch:
    """A kernel that calls convolve() with this tile over so many output pixels."""
    kernel = program.kernel(name, sizes, optional)
    return partial(kernel, tile.grid(pixels), (tile.warps.threads,), shared_bytes=tile.shared_bytes, **scalars)


def bind_gradient(
    program: Program, name: str, tile: GradientTile, pixels: int, sizes: Mapping[str, Size], **scalars: Any
) -> Launch:
    """A kernel that calls weight_gradient() with this tile over so many pixels."""
    slices, chunks_per_slice = tile.slices(pixels)
    return partial(
        program.kernel(name, sizes),
        tile.grid(slices),
        (tile.warps.threads,),
        shared_bytes=tile.shared_bytes,
        chunks_per_slice=chunks_per_slice,
        **scalars,
    )


def bind_elements(program: Program, name: str, elements: int, sizes: Mapping[str, Size]) -> Launch:
    """A kernel with one thread for each of so many elements."""
    return partial(program.kernel(name, sizes), (ceil_div(elements, ELEMENT_THREADS),), (ELEMENT_THREADS,))
