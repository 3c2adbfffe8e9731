"""Launches windowed_forward.cu and windowed_backward.cu: a ConvLSTM's convolutions over all frames."""

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

from kernels.cuda.binding import bind_elements, cell_defines, count_pixels
from kernels.cuda.launch import DeviceLimits, Program, Runtime
from kernels.cuda.precision import operand_dtype
from kernels.cuda.product_tiles import (
    Products,
    gathered_clocks,
    windowed_backward_tile,
    windowed_clocks,
    windowed_forward_tile,
    windowed_grid,
)
from kernels.cuda.tiles import ConvTile
from kernels.cuda.windowed_tiles import WindowTile
from kernels.specs import ConvLSTMSpec

Array = Any


class WindowedConvolution:
    """A convolution over all frames bound to a shape: program and packed weights."""

    def __init__(
        self, runtime: Runtime, spec: ConvLSTMSpec, precision: str, name: str, tile: WindowTile, sizes: dict[str, Any]
    ) -> None:
        count_pixels(spec)
        defines = {"SPEC_C": spec.C, **cell_defines(spec, precision), name.upper(): tile.arguments}
        program = Program(runtime, f"windowed_{name}.cu", defines)
        packed = tile.packed_shape
        self._packed = runtime.empty(packed, operand_dtype(precision))
        weights = {"kernel": (spec.kh, spec.kw, spec.C, 4 * spec.F), "packed": packed}
        self._pack = partial(
            bind_elements(program, f"pack_windowed_{name}", prod(packed), weights),
            packed=self._packed,
            groups=tile.groups,
        )
        self._run = partial(
            program.kernel(f"windowed_{name}", sizes | {"packed": packed}),
            windowed_grid(spec, tile, runtime.limits),
            (tile.warps.threads,),
            shared_bytes=tile.shared_bytes(spec.W),
            packed=self._packed,
            images=spec.T * spec.B,
            height=spec.H,
            width=spec.W,
        )

    def pack(self, kernel: Array) -> None:
        """The weights that the next runs use: kernel (kh,kw,C,4F)."""
        self._pack(kernel=kernel)

    def __call__(self, **arrays: Array) -> None:
        self._run(**arrays)


def windowed_forward(
    runtime: Runtime, spec: ConvLSTMSpec, precision: str, products: Products, gathered: ConvTile
) -> WindowedConvolution | None:
    """x (T,B,H,W,C), bias (4F) -> z (T,B,H,W,F,4), where `products` and the rule of product_tiles.py choose windows.

    gathered: the tile of the other way. Raises ValueError when windows are asked for and do not fit on the device.
    """
    tile = _chosen(windowed_forward_tile, runtime, spec, precision, products, gathered)
    pixels = (spec.T, spec.B, spec.H, spec.W)
    sizes = {"x": (*pixels, spec.C), "bias": (4 * spec.F,), "z": (*pixels, 4 * spec.F)}
    return None if tile is None else WindowedConvolution(runtime, spec, precision, "forward", tile, sizes)


def windowed_backward(
    runtime: Runtime, spec: ConvLSTMSpec, precision: str, products: Products, gathered: ConvTile
) -> WindowedConvolution | None:
    """dz (T,B,H,W,F,4) -> dx (T,B,H,W,C), likewise."""
    tile = _chosen(windowed_backward_tile, runtime, spec, precision, products, gathered)
    pixels = (spec.T, spec.B, spec.H, spec.W)
    sizes = {"dz": (*pixels, 4 * spec.F), "dx": (*pixels, spec.C)}
    return None if tile is None else WindowedConvolution(runtime, spec, precision, "backward", tile, sizes)


def _chosen(
    choose: Callable[[ConvLSTMSpec, str, DeviceLimits], WindowTile | None],
    runtime: Runtime,
    spec: ConvLSTMSpec,
    precision: str,
    products: Products,
    gathered: ConvTile,
) -> WindowTile | None:
    if products == "gathered":
        return None
    limits, tile = runtime.limits, choose(spec, precision, runtime.limits)
    if products == "auto" and tile is not None:
        cheaper = windowed_clocks(spec, tile, precision, limits) < gathered_clocks(spec, gathered, precision, limits)
        return tile if cheaper else None
    if products == "windows" and tile is None:
        raise ValueError(f"products: expected 'auto' or 'gathered' where windows do not fit, got 'windows' for {spec}")
    return tile
