"""Launches conv3d_few_outputs.cu: a Conv3D that reads a pixel once; and which layers it is for."""

from dataclasses import replace
from functools import partial
from typing import Any

from kernels.arrays import Array
from kernels.cuda.common.precision import operand_bytes, operand_dtype
from kernels.cuda.common.rounding import ceil_div
from kernels.cuda.conv3d.strategy import Conv3DStrategy, frame_sizes, gathered_bytes
from kernels.cuda.launch.launch import Program, Runtime
from kernels.cuda.launch.workspace import Workspace
from kernels.cuda.products.binding import (
    bind_convolution,
    bind_elements,
    bind_gradient,
    conv3d_defines,
    count_pixels,
    tile_defines,
)
from kernels.cuda.products.strategy import Product
from kernels.cuda.products.tiles import GRADIENT_CHUNK, TARGET_BLOCKS, conv_tile, gradient_tile
from kernels.specs import Conv3DSpec

SUM_THREADS, SUMMED = 256, 8
"""The threads of a block that adds up, and its weights in the last stage, as conv3d_few_outputs.cu has them."""

SUM_BYTES = 8 * SUM_THREADS

FULL_BLOCK = 256
"""Threads of a block where a product has many rows."""

MOST_OUTPUTS = 8
"""The columns of one mma: with more, gathering has more to multiply for what it reads, and a thread of sum_taps more
to hold."""


def has_few_outputs(spec: Conv3DSpec, precision: str) -> bool:
    """Whether a product of each tap and output, added up by tap, moves less than gathering a pixel for each tap.

    Counted are the bytes of the forward pass for a pixel: gathered, C operands a tap; here C operands once, and one
    float32 a tap and output that is written and read again. The gradient reads C operands and one of each tap and
    output where gathering reads C for each tap and K: less wherever the forward pass moves less. Those floats may be no
    more than 4 * C of a pixel, what the gates of a ConvLSTM with C filters are.
    """
    taps = spec.kt * spec.kh * spec.kw
    moves_less = few_outputs_bytes(spec, precision) < gathered_bytes(spec, precision)
    return spec.K <= MOST_OUTPUTS and moves_less and taps * spec.K <= 4 * spec.C


def few_outputs_bytes(spec: Conv3DSpec, precision: str) -> float:
    """Bytes that the forward pass moves for a pixel: its operands once, and each float32 product out and back."""
    return spec.C * operand_bytes(precision) + 2 * 4 * spec.kt * spec.kh * spec.kw * spec.K


class FewOutputsTiles:
    """The three products of a layer. Few rows of the kernel's gradient are small blocks, so there are more of them."""

    def __init__(self, spec: Conv3DSpec, precision: str) -> None:
        columns, element = spec.kt * spec.kh * spec.kw * spec.K, operand_bytes(precision)
        self.tap_products = conv_tile(spec.C, columns, element=element)
        self.backward = conv_tile(columns, spec.C, element=element)
        tile = gradient_tile(columns, spec.C, element)
        self.kernel_gradient = replace(tile, target_blocks=TARGET_BLOCKS * FULL_BLOCK // tile.warps.threads)


class FewOutputs(Conv3DStrategy):
    """A Conv3D that reads a pixel once and adds up products of each tap and output."""

    asked = ("auto", "warpgroups", "windows")

    def fits(self, product: Product[Conv3DSpec]) -> bool:
        return has_few_outputs(product.spec, product.precision)

    def cost(self, product: Product[Conv3DSpec]) -> float:
        return few_outputs_bytes(product.spec, product.precision)

    def bind(self, product: Product[Conv3DSpec], runtime: Runtime, workspace: Workspace) -> "FewOutputsConv3D":
        return FewOutputsConv3D(runtime, workspace, product.spec, product.precision)


class FewOutputsConv3D:
    """The forward pass and the gradient of the weights.

    Attributes:
        program, tiles: those of the gradient of the input, too.
    """

    def __init__(self, runtime: Runtime, workspace: Workspace, spec: Conv3DSpec, precision: str) -> None:
        frames = frame_sizes(spec)
        self.tiles = tiles = FewOutputsTiles(spec, precision)
        defines = conv3d_defines(spec, precision) | tile_defines(tiles)
        self.program = program = Program(runtime, "conv3d/conv3d_few_outputs.cu", defines)
        pixels, x, y, kernel, bias = count_pixels(spec), spec.x_shape, spec.y_shape, spec.kernel_shape, (spec.K,)

        packed, p = tiles.tap_products.packed_shape, (tiles.tap_products.columns, pixels)
        self._packed = runtime.empty(packed, operand_dtype(precision))
        self._p = workspace.array("tap products", p)
        sizes: dict[str, Any] = {"kernel": kernel, "packed": packed}
        self._pack = bind_elements(program, "pack_forward", packed[0] * packed[1], sizes)
        sizes = {"x": x, "packed": packed, "p": p}
        self._tap_products = bind_convolution(program, "tap_products", tiles.tap_products, pixels, sizes, **frames)
        sizes = {"p": p, "bias": bias, "y": y}
        self._sum_taps = partial(bind_elements(program, "sum_taps", pixels, sizes), **frames)
        if not spec.training:
            return

        tile = tiles.kernel_gradient
        slices, chunks = tile.slices(pixels)
        sums, bias_sums = (slices, tile.rows, tile.columns), (slices, spec.K)
        self._partial = workspace.array("partial", sums)
        self._bias_partial = workspace.array("bias partial", bias_sums)
        sizes = {"dy": y, "x": x, "partial": sums}
        self._gradient = bind_gradient(program, "kernel_gradient", tile, pixels, sizes, **frames)
        self._bias_gradient = partial(
            program.kernel("bias_gradient", {"dy": y, "bias_partial": bias_sums}),
            bias_sums,
            (SUM_THREADS,),
            shared_bytes=SUM_BYTES,
            pixels=pixels,
            pixels_per_slice=chunks * GRADIENT_CHUNK[operand_bytes(precision)],
        )
        sizes = {"partial": sums, "bias_partial": bias_sums, "dkernel": kernel, "dbias": bias}
        self._sum_gradients = partial(
            program.kernel("sum_gradients", sizes),
            (ceil_div(tile.rows * tile.columns + spec.K, SUMMED),),
            (SUM_THREADS,),
            shared_bytes=SUM_BYTES,
            slices=slices,
        )

    def forward(self, x: Array, kernel: Array, bias: Array, y: Array) -> None:
        """x (T,B,H,W,C) -> y (T,B,H,W,K); x as operands."""
        self._pack(kernel=kernel, packed=self._packed)
        self._tap_products(x=x, packed=self._packed, p=self._p)
        self._sum_taps(p=self._p, bias=bias, y=y)

    def gradients(self, dy: Array, x: Array, dkernel: Array, dbias: Array) -> None:
        """dy (T,B,H,W,K), x (T,B,H,W,C) -> dkernel (kt,kh,kw,C,K), dbias (K); dy and x as operands."""
        self._gradient(dy=dy, x=x, partial=self._partial)
        self._bias_gradient(dy=dy, bias_partial=self._bias_partial)
        self._sum_gradients(partial=self._partial, bias_partial=self._bias_partial, dkernel=dkernel, dbias=dbias)
