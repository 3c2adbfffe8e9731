"""The buffers of a Conv3D layer and the order of its kernels; chooses which ones compute it."""

from typing import Any

from kernels.arrays import Array
from kernels.cuda.common.convert import Inward, Outward
from kernels.cuda.common.precision import operand_dtype
from kernels.cuda.conv3d.conv3d_few_outputs import FewOutputs
from kernels.cuda.conv3d.conv3d_gathered import Gathered
from kernels.cuda.conv3d.strategy import Conv3DStrategy, frame_sizes
from kernels.cuda.launch.launch import Runtime
from kernels.cuda.launch.workspace import Workspace
from kernels.cuda.products.binding import bind_convolution, bind_elements, count_pixels
from kernels.cuda.products.strategy import Product, Products, choose
from kernels.operations import Conv3D
from kernels.specs import Conv3DSpec

STRATEGIES: tuple[Conv3DStrategy, ...] = (FewOutputs(), Gathered())
"""In the order in which they are asked for where `products` names one."""


class CudaConv3D(Conv3D[Array]):
    """One layer bound to a shape: buffers allocated, kernels compiled, grids computed."""

    def __init__(
        self,
        runtime: Runtime,
        workspace: Workspace,
        spec: Conv3DSpec,
        precision: str,
        products: Products = "auto",
    ) -> None:
        self.spec = spec
        x, y, kernel, pixels = spec.x_shape, spec.y_shape, spec.kernel_shape, count_pixels(spec)
        product = Product("conv3d", spec, precision, runtime.limits)
        self._way = choose(STRATEGIES, product, products).bind(product, runtime, workspace)
        self.y = runtime.empty(y, "float32")
        self._read_x = Inward(runtime, x, precision, spec.narrow_x)
        if not spec.training:
            return

        program, tile, operands = self._way.program, self._way.tiles.backward, operand_dtype(precision)
        self._dx = runtime.empty(x, operands)
        self._read_dy = Inward(runtime, y, precision)
        self._show_dx = Outward(runtime, x, precision, spec.narrow_x)
        packed = tile.packed_shape
        self._packed = runtime.empty(packed, operands)
        sizes: dict[str, Any] = {"kernel": kernel, "packed": packed}
        self._pack_backward = bind_elements(program, "pack_backward", packed[0] * packed[1], sizes)
        sizes = {"dy": y, "packed": packed, "dx": x}
        self._backward = bind_convolution(program, "conv3d_backward", tile, pixels, sizes, **frame_sizes(spec))

    def forward(self, x: Array, kernel: Array, bias: Array) -> Array:
        self._way.forward(self._read_x(x), kernel, bias, self.y)
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
        dy = self._read_dy(dy)
        if dkernel is not None and dbias is not None:
            self._way.gradients(dy, self._read_x(x), dkernel, dbias)
        if not need_dx:
            return None
        self._pack_backward(kernel=kernel, packed=self._packed)
        self._backward(dy=dy, packed=self._packed, dx=self._dx)
        return self._show_dx(self._dx)
