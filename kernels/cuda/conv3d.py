"""Launches conv3d.cu: the buffers of a Conv3D layer and the order of its kernels."""

from typing import Any

from kernels.cuda.binding import bind_convolution, bind_elements, bind_gradient, count_pixels, tile_defines
from kernels.cuda.convert import Inward, Outward
from kernels.cuda.launch import Program, Runtime
from kernels.cuda.precision import operand_bytes, operand_dtype, precision_defines
from kernels.cuda.source import Constant
from kernels.cuda.tiles import conv_tile, gradient_tile
from kernels.cuda.workspace import Workspace
from kernels.specs import Conv3DSpec

Array = Any


class Tiles:
    """The three products of a layer."""

    def __init__(self, spec: Conv3DSpec, precision: str) -> None:
        taps, element = spec.kt * spec.kh * spec.kw, operand_bytes(precision)
        self.forward = conv_tile(taps * spec.C, spec.K, element=element)
        self.backward = conv_tile(taps * spec.K, spec.C, element=element)
        self.kernel_gradient = gradient_tile(taps * spec.C + 1, spec.K, element)


def conv3d_defines(spec: Conv3DSpec, precision: str) -> dict[str, Constant]:
    """The constants of conv3d.cu; frame sizes, frames and batch are arguments and cost no compilation."""
    return {
        "SPEC_C": spec.C,
        "SPEC_K": spec.K,
        "SPEC_KT": spec.kt,
        "SPEC_KH": spec.kh,
        "SPEC_KW": spec.kw,
        "SPEC_BEFORE": spec.frames_before,
        **precision_defines(precision),
        **tile_defines(Tiles(spec, precision)),
    }


class Conv3DPlan:
    """One layer bound to a shape: buffers allocated, kernels compiled, grids computed."""

    def __init__(self, runtime: Runtime, workspace: Workspace, spec: Conv3DSpec, precision: str) -> None:
        self.spec = spec
        pixels = count_pixels(spec)
        program, tiles = Program(runtime, "conv3d.cu", conv3d_defines(spec, precision)), Tiles(spec, precision)
        operands = operand_dtype(precision)
        x, y = (spec.T, spec.B, spec.H, spec.W, spec.C), (spec.T, spec.B, spec.H, spec.W, spec.K)
        kernel, bias = (spec.kt, spec.kh, spec.kw, spec.C, spec.K), (spec.K,)
        frames: dict[str, Any] = {"images": spec.T * spec.B, "per_frame": spec.B, "height": spec.H, "width": spec.W}

        self.y = runtime.empty(y, "float32")
        self._read_x = Inward(runtime, x, precision, spec.narrow_x)
        packed = tiles.forward.packed_shape
        self._packed = runtime.empty(packed, operands)
        pack_sizes = {"kernel": kernel, "packed": packed}
        self._pack_forward = bind_elements(program, "pack_forward", packed[0] * packed[1], pack_sizes)
        sizes = {"x": x, "packed": packed, "bias": bias, "y": y}
        self._forward = bind_convolution(program, "conv3d_forward", tiles.forward, pixels, sizes, **frames)
        if not spec.training:
            return

        self._dx = runtime.empty(x, operands)
        self._read_dy = Inward(runtime, y, precision)
        self._show_dx = Outward(runtime, x, precision, spec.narrow_x)
        packed = tiles.backward.packed_shape
        self._packed_back = runtime.empty(packed, operands)
        pack_sizes = {"kernel": kernel, "packed": packed}
        self._pack_backward = bind_elements(program, "pack_backward", packed[0] * packed[1], pack_sizes)
        sizes = {"dy": y, "packed": packed, "dx": x}
        self._backward = bind_convolution(program, "conv3d_backward", tiles.backward, pixels, sizes, **frames)

        tile = tiles.kernel_gradient
        self._slices, _ = tile.slices(pixels)
        partial = (self._slices, tile.rows, tile.columns)
        self._partial = workspace.array("partial", partial)
        sizes = {"x": x, "dy": y, "partial": partial}
        self._kernel_gradient = bind_gradient(program, "kernel_gradient", tile, pixels, sizes, **frames)
        sizes = {"partial": partial, "dkernel": kernel, "dbias": bias}
        self._sum_gradient = bind_elements(program, "sum_kernel_gradient", tile.rows * tile.columns, sizes)

    def forward(self, x: Array, kernel: Array, bias: Array) -> Array:
        """x (T,B,H,W,C) -> y (T,B,H,W,K); see Backend.conv3d_forward."""
        self._pack_forward(kernel=kernel, packed=self._packed)
        self._forward(x=self._read_x(x), packed=self._packed, bias=bias, y=self.y)
        return self.y

    def backward(
        self, dy: Array, x: Array, kernel: Array, dkernel: Array | None, dbias: Array | None, need_dx: bool
    ) -> Array | None:
        """dy (T,B,H,W,K) -> dx (T,B,H,W,C) or None; see Backend.conv3d_backward."""
        if not self.spec.training:
            raise ValueError(f"plan: expected one with training=True, got {self.spec}")
        dy = self._read_dy(dy)
        if dkernel is not None and dbias is not None:
            self._kernel_gradient(x=self._read_x(x), dy=dy, partial=self._partial)
            self._sum_gradient(partial=self._partial, dkernel=dkernel, dbias=dbias, slices=self._slices)
        if not need_dx:
            return None
        self._pack_backward(kernel=kernel, packed=self._packed_back)
        self._backward(dy=dy, packed=self._packed_back, dx=self._dx)
        return self._show_dx(self._dx)
