"""The weight gradients of a ConvLSTM: each summed over all pixels by slices, then over the slices.

Stage 1 is by the strategy that is chosen, stage 2 a kernel of conv_lstm.cu for all.
"""

from collections.abc import Mapping

from kernels.arrays import Array
from kernels.cuda.conv_lstm.few_inputs import FewInputsGradient
from kernels.cuda.conv_lstm.gathered import GatheredGradient, Tiles
from kernels.cuda.launch.launch import Program, Runtime
from kernels.cuda.launch.workspace import Workspace
from kernels.cuda.products.binding import bind_elements
from kernels.cuda.products.strategy import FirstStage, GradientStrategy, Product, Products, choose
from kernels.cuda.products.warpgroup.warpgroup_gradient_bf16_tiles import WarpgroupBf16Gradient
from kernels.cuda.products.warpgroup.warpgroup_gradient_tf32_tiles import WarpgroupTf32Gradient
from kernels.cuda.products.windowed.windowed_gradient_tiles import WindowedGradient
from kernels.specs import ConvLSTMSpec

_OVER_PATCHES = (WarpgroupTf32Gradient(), WarpgroupBf16Gradient(), WindowedGradient())

STRATEGIES: Mapping[str, tuple[GradientStrategy, ...]] = {
    "kernel": (FewInputsGradient(), *_OVER_PATCHES, GatheredGradient()),
    "recurrent": (*_OVER_PATCHES, GatheredGradient()),
}
"""Strategies of each gradient, in the order in which they are asked where `products` names some."""


class WeightGradients:
    """Both gradients of one layer bound to a shape."""

    def __init__(
        self,
        runtime: Runtime,
        workspace: Workspace,
        program: Program,
        spec: ConvLSTMSpec,
        precision: str,
        products: Products,
    ) -> None:
        """program: conv_lstm.cu. Raises ValueError where windows are asked for and do not fit on the device."""
        self._spec = spec
        tiles = Tiles(spec, precision)
        kernel, recurrent = tiles.kernel_gradient, tiles.recurrent_gradient
        state, gates = (spec.B, spec.H, spec.W, spec.F), (spec.B, spec.H, spec.W, spec.F, 4)

        way = _first_stage(runtime, program, spec, precision, products, "kernel")
        self._kernel_slices = way.slices(spec.T)
        shape = (self._kernel_slices, kernel.rows, kernel.columns)
        self._kernel_partial = workspace.array("partial", shape)
        x = (spec.T, spec.B, spec.H, spec.W, spec.C)
        self._kernel = way.bind(spec.T, {"x": x, "dz": (spec.T, *gates), "partial": shape})
        weights = {"dkernel": (spec.kh, spec.kw, spec.C, 4 * spec.F), "dbias": (4 * spec.F,)}
        self._sum_kernel = bind_elements(
            program, "sum_kernel_gradient", kernel.rows * kernel.columns, {"partial": shape, **weights}
        )

        # The recurrent kernel met h of every frame but the last, and h0 if there was one: two launches, whose slices
        # are summed together.
        way = _first_stage(runtime, program, spec, precision, products, "recurrent")
        self._later_slices, self._first_slices = way.slices(spec.T - 1), way.slices(1)
        shape = (self._later_slices + self._first_slices, recurrent.rows, recurrent.columns)
        self._recurrent_partial = workspace.array("partial", shape)
        if spec.T > 1:
            later = {"x": (spec.T - 1, *state), "dz": (spec.T - 1, *gates), "partial": shape}
            self._later = way.bind(spec.T - 1, later)
        first = {"x": state, "dz": gates, "partial": shape}
        self._first = way.bind(1, first, slice_offset=self._later_slices)
        weights = {"drecurrent_kernel": (spec.kh, spec.kw, spec.F, 4 * spec.F)}
        self._sum_recurrent = bind_elements(
            program, "sum_recurrent_gradient", recurrent.rows * recurrent.columns, {"partial": shape, **weights}
        )

    def __call__(
        self,
        x: Array,
        h: Array,
        h0: Array | None,
        dz: Array,
        dkernel: Array,
        drecurrent_kernel: Array,
        dbias: Array,
    ) -> None:
        """x (T,B,H,W,C), h (T,B,H,W,F), h0 (B,H,W,F), dz (T,B,H,W,F,4) -> gradients of weights and bias."""
        self._kernel(x=x, dz=dz, partial=self._kernel_partial)
        self._sum_kernel(partial=self._kernel_partial, dkernel=dkernel, dbias=dbias, slices=self._kernel_slices)
        if self._spec.T > 1:
            self._later(x=h[:-1], dz=dz[1:], partial=self._recurrent_partial)
        if h0 is not None:
            self._first(x=h0, dz=dz[0], partial=self._recurrent_partial)
        slices = self._later_slices + (self._first_slices if h0 is not None else 0)
        self._sum_recurrent(partial=self._recurrent_partial, drecurrent_kernel=drecurrent_kernel, slices=slices)


def _first_stage(
    runtime: Runtime, program: Program, spec: ConvLSTMSpec, precision: str, products: Products, name: str
) -> FirstStage:
    product = Product(name, spec, precision, runtime.limits)
    return choose(STRATEGIES[name], product, products).bind(product, runtime, program)
