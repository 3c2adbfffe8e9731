"""Launches conv3d_direct.cu: the convolutions that conv3d.py does not know."""

from typing import Any

from kernels.arrays import Array
from kernels.cuda.common.rounding import ceil_div
from kernels.cuda.launch.launch import Program, Runtime
from kernels.cuda.launch.source import Constant
from kernels.cuda.products.binding import bind_elements, count_pixels
from kernels.operations import Conv3D
from kernels.specs import Conv3DSpec

LANES, ROWS = 32, 8
"""The threads of a block of the weights' gradient, as conv3d_direct.cu has them."""


def direct_defines(spec: Conv3DSpec) -> dict[str, Constant]:
    """The constants of conv3d_direct.cu; sizes of frames and their number are arguments."""
    defines: dict[str, Constant] = {
        "SPEC_INNER": spec.C // spec.groups,
        "SPEC_OUTER": spec.K // spec.groups,
        "SPEC_GROUPS": spec.groups,
        "SPEC_KT": spec.kt,
        "SPEC_KH": spec.kh,
        "SPEC_KW": spec.kw,
    }
    for axis, stride, dilation in zip("THW", spec.strides, spec.dilation, strict=True):
        defines |= {f"SPEC_STRIDE_{axis}": stride, f"SPEC_DILATION_{axis}": dilation}
    return defines


class CudaDirectConv3D(Conv3D[Array]):
    """One layer bound to a shape: buffers allocated, kernels compiled, grids computed."""

    def __init__(self, runtime: Runtime, spec: Conv3DSpec) -> None:
        self.spec = spec
        count_pixels(spec)
        program = Program(runtime, "conv3d/conv3d_direct.cu", direct_defines(spec))
        frames_out, height_out, width_out = spec.output_size
        before_t, before_h, before_w = spec.before
        self._sizes: dict[str, Any] = {
            "frames": spec.T, "batch": spec.B, "height": spec.H, "width": spec.W,
            "frames_out": frames_out, "height_out": height_out, "width_out": width_out,
            "before_t": before_t, "before_h": before_h, "before_w": before_w,
        }  # fmt: skip
        x, y, kernel, bias = spec.x_shape, spec.y_shape, spec.kernel_shape, (spec.K,)
        self.y = runtime.empty(y, "float32")
        sizes: dict[str, Any] = {"x": x, "kernel": kernel, "bias": bias, "y": y}
        self._forward = bind_elements(program, "conv3d_direct_forward", self.y.size, sizes)
        if not spec.training:
            return
        self.dx = runtime.empty(x, "float32")
        sizes = {"dy": y, "kernel": kernel, "dx": x}
        self._backward = bind_elements(program, "conv3d_direct_backward", self.dx.size, sizes)
        sizes = {"dy": y, "x": x, "dkernel": kernel, "dbias": bias}
        self._gradient = program.kernel("conv3d_direct_gradient", sizes)
        lines = spec.kt * spec.kh * spec.kw * (spec.C // spec.groups) + 1
        self._gradient_grid = (lines, ceil_div(spec.K, LANES))

    def forward(self, x: Array, kernel: Array, bias: Array) -> Array:
        self._forward(x=x, kernel=kernel, bias=bias, y=self.y, **self._sizes)
        return self.y

    def backward(
        self,
        dy: Array,
        x: Array,
        kernel: Array,
        dkernel: Array | None,
        dbias: Array | None,
        need_dx: bool = True,
    ) -> Array | None:
        if not self.spec.training:
            raise ValueError(f"spec: expected training=True for backward, got {self.spec}")
        if dkernel is not None and dbias is not None:
            self._gradient(
                self._gradient_grid, (LANES * ROWS,), shared_bytes=8 * LANES * ROWS, dy=dy, x=x, dkernel=dkernel,
                dbias=dbias, **self._sizes,
            )  # fmt: skip
        if not need_dx:
            return None
        self._backward(dy=dy, kernel=kernel, dx=self.dx, **self._sizes)
        return self.dx
