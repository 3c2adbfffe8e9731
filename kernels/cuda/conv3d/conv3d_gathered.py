"""Launches conv3d_gathered.cu: a Conv3D that gathers a pixel for each tap."""

from typing import Any

from kernels.arrays import Array
from kernels.cuda.common.precision import operand_bytes, operand_dtype
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
from kernels.cuda.products.strategy import PRODUCTS, Product
from kernels.cuda.products.tiles import conv_tile, gradient_tile
from kernels.specs import Conv3DSpec


class GatheredTiles:
    """The three products of a layer."""

    def __init__(self, spec: Conv3DSpec, precision: str) -> None:
        taps, element = spec.kt * spec.kh * spec.kw, operand_bytes(precision)
        self.forward = conv_tile(taps * spec.C, spec.K, element=element)
        self.backward = conv_tile(taps * spec.K, spec.C, element=element)
        self.kernel_gradient = gradient_tile(taps * spec.C + 1, spec.K, element)


class Gathered(Conv3DStrategy):
    """A Conv3D that gathers a pixel for each tap. It runs every dense layer."""

    asked = PRODUCTS

    def fits(self, product: Product[Conv3DSpec]) -> bool:
        return True

    def cost(self, product: Product[Conv3DSpec]) -> float:
        return gathered_bytes(product.spec, product.precision)

    def bind(self, product: Product[Conv3DSpec], runtime: Runtime, workspace: Workspace) -> "GatheredConv3D":
        return GatheredConv3D(runtime, workspace, product.spec, product.precision)


class GatheredConv3D:
    """The forward pass and the gradient of the weights.

    Attributes:
        program, tiles: those of the gradient of the input, too.
    """

    def __init__(self, runtime: Runtime, workspace: Workspace, spec: Conv3DSpec, precision: str) -> None:
        frames = frame_sizes(spec)
        self.tiles = tiles = GatheredTiles(spec, precision)
        defines = conv3d_defines(spec, precision) | tile_defines(tiles)
        self.program = program = Program(runtime, "conv3d/conv3d_gathered.cu", defines)
        pixels, x, y, kernel, bias = count_pixels(spec), spec.x_shape, spec.y_shape, spec.kernel_shape, (spec.K,)

        packed = tiles.forward.packed_shape
        self._packed = runtime.empty(packed, operand_dtype(precision))
        sizes: dict[str, Any] = {"kernel": kernel, "packed": packed}
        self._pack = bind_elements(program, "pack_forward", packed[0] * packed[1], sizes)
        sizes = {"x": x, "packed": packed, "bias": bias, "y": y}
        self._forward = bind_convolution(program, "conv3d_forward", tiles.forward, pixels, sizes, **frames)
        if not spec.training:
            return

        tile = tiles.kernel_gradient
        self._slices, _ = tile.slices(pixels)
        partial = (self._slices, tile.rows, tile.columns)
        self._partial = workspace.array("partial", partial)
        sizes = {"x": x, "dy": y, "partial": partial}
        self._gradient = bind_gradient(program, "kernel_gradient", tile, pixels, sizes, **frames)
        sizes = {"partial": partial, "dkernel": kernel, "dbias": bias}
        self._sum_gradient = bind_elements(program, "sum_kernel_gradient", tile.rows * tile.columns, sizes)

    def forward(self, x: Array, kernel: Array, bias: Array, y: Array) -> None:
        """x (T,B,H,W,C) -> y (T,B,H,W,K); x as operands."""
        self._pack(kernel=kernel, packed=self._packed)
        self._forward(x=x, packed=self._packed, bias=bias, y=y)

    def gradients(self, dy: Array, x: Array, dkernel: Array, dbias: Array) -> None:
        """dy (T,B,H,W,K), x (T,B,H,W,C) -> dkernel (kt,kh,kw,C,K), dbias (K); dy and x as operands."""
        self._gradient(x=x, dy=dy, partial=self._partial)
        self._sum_gradient(partial=self._partial, dkernel=dkernel, dbias=dbias, slices=self._slices)
