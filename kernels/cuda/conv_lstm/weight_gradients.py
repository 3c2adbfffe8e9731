"""Launches the weight gradients of a ConvLSTM: each summed over all pixels by slices, then over the slices.

Stage 1 is a kernel of conv_lstm.cu that gathers its pixels, that of few_inputs.cu, or one that copies patches of them:
of windowed_kernel_gradient.cu and windowed_recurrent_gradient.cu, or on Hopper of warpgroup_*_gradient_tf32.cu and
warpgroup_*_gradient_bf16.cu. Stage 2 is conv_lstm.cu's for all.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

from kernels.cuda.common.precision import precision_defines
from kernels.cuda.conv_lstm.few_inputs import FewInputsGradient, has_few_inputs
from kernels.cuda.launch.launch import DeviceLimits, Program, Runtime, Size
from kernels.cuda.launch.source import Constant
from kernels.cuda.launch.workspace import Workspace
from kernels.cuda.products.binding import Launch, bind_elements, bind_gradient
from kernels.cuda.products.patch_tiles import PatchTile
from kernels.cuda.products.product_kinds import Products, wants_warpgroups
from kernels.cuda.products.product_tiles import BEYOND_COUNT
from kernels.cuda.products.tiles import GradientTile
from kernels.cuda.products.warpgroup.warpgroup_gradient_bf16_tiles import warpgroup_bf16_clocks, warpgroup_bf16_tile
from kernels.cuda.products.warpgroup.warpgroup_gradient_tf32_tiles import warpgroup_tf32_clocks, warpgroup_tf32_tile
from kernels.cuda.products.windowed.windowed_gradient_tiles import (
    WindowedGradientTile,
    gathered_gradient_clocks,
    windowed_gradient_clocks,
    windowed_gradient_tile,
    windows_cost_less,
)
from kernels.specs import ConvLSTMSpec

Array = Any
Sizes = Mapping[str, Size]


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
        kernel: GradientTile,
        recurrent: GradientTile,
    ) -> None:
        """program: conv_lstm.cu; kernel, recurrent: its tiles. Raises ValueError where windows are asked for and do not
        fit on the device.
        """
        self._spec = spec
        state, gates = (spec.B, spec.H, spec.W, spec.F), (spec.B, spec.H, spec.W, spec.F, 4)

        way = _first_stage(runtime, program, spec, precision, products, "kernel", kernel)
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
        way = _first_stage(runtime, program, spec, precision, products, "recurrent", recurrent)
        self._later_slices, self._first_slices = way.slices(spec.T - 1), way.slices(1)
        shape = (self._later_slices + self._first_slices, recurrent.rows, recurrent.columns)
        self._recurrent_partial = workspace.array("partial", shape)
        if spec.T > 1:
            later = {"h": (spec.T - 1, *state), "dz": (spec.T - 1, *gates), "partial": shape}
            self._later = way.bind(spec.T - 1, later, slice_offset=0)
        first = {"h": state, "dz": gates, "partial": shape}
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
            self._later(h=h[:-1], dz=dz[1:], partial=self._recurrent_partial)
        if h0 is not None:
            self._first(h=h0, dz=dz[0], partial=self._recurrent_partial)
        slices = self._later_slices + (self._first_slices if h0 is not None else 0)
        self._sum_recurrent(partial=self._recurrent_partial, drecurrent_kernel=drecurrent_kernel, slices=slices)


class _FirstStage(Protocol):
    """One gradient's sums over slices, over any number of frames."""

    def slices(self, frames: int) -> int:
        """Into how many slices they are split; none, if there are no frames."""

    def bind(self, frames: int, sizes: Sizes, **scalars: Any) -> Launch:
        """The launch over so many frames; sizes: of its arrays."""


class _Gathered:
    def __init__(self, program: Program, spec: ConvLSTMSpec, name: str, tile: GradientTile) -> None:
        self._program, self._spec, self._name, self._tile = program, spec, name, tile

    def slices(self, frames: int) -> int:
        return self._tile.slices(self._pixels(frames))[0]

    def bind(self, frames: int, sizes: Sizes, **scalars: Any) -> Launch:
        scalars |= _frames(self._spec, frames)
        return bind_gradient(
            self._program, f"{self._name}_gradient", self._tile, self._pixels(frames), sizes, **scalars
        )

    def _pixels(self, frames: int) -> int:
        return frames * self._spec.B * self._spec.H * self._spec.W


class PatchesGradient:
    def __init__(
        self,
        runtime: Runtime,
        spec: ConvLSTMSpec,
        precision: str,
        name: str,
        kernel: str,
        tile: PatchTile,
    ) -> None:
        """name: "kernel" or "recurrent"; kernel: of the .cu file of that name."""
        defines: dict[str, Constant] = {"SPEC_C": spec.C} if name == "kernel" else {}
        defines |= {"SPEC_F": spec.F, "SPEC_KH": spec.kh, "SPEC_KW": spec.kw}
        defines |= precision_defines(precision) | {f"{name.upper()}_GRADIENT": tile.arguments}
        self._spec, self._kernel, self._tile = spec, kernel, tile
        self._program = Program(runtime, f"products/{kernel.partition('_')[0]}/{kernel}.cu", defines)

    def slices(self, frames: int) -> int:
        return self._tile.slices(self._patches(frames))[0]

    def bind(self, frames: int, sizes: Sizes, **scalars: Any) -> Launch:
        tile, patches = self._tile, self._patches(frames)
        slices, per_slice = tile.slices(patches)
        return partial(
            self._program.kernel(self._kernel, sizes),
            tile.grid(slices),
            (tile.threads,),
            shared_bytes=tile.shared_bytes,
            patch_rows=tile.patch_rows,
            patches=patches,
            patches_per_slice=per_slice,
            **_frames(self._spec, frames),
            **scalars,
        )

    def _patches(self, frames: int) -> int:
        return self._tile.patches(frames * self._spec.B, self._spec.H, self._spec.W)


def warpgroup_kernel(name: str, precision: str) -> str:
    """The kernel of a gradient ("kernel" or "recurrent") on warpgroup products, and its file."""
    return f"warpgroup_{name}_gradient_{'tf32' if precision == 'tf32' else 'bf16'}"


def _first_stage(
    runtime: Runtime,
    program: Program,
    spec: ConvLSTMSpec,
    precision: str,
    products: Products,
    name: str,
    gathered: GradientTile,
) -> _FirstStage:
    """Gathered, for few inputs or from patches, as `products`, the counts and the layer say."""
    if products == "auto" and name == "kernel" and has_few_inputs(spec):
        return FewInputsGradient(runtime, spec, precision)
    way = _Gathered(program, spec, name, gathered)
    if products == "gathered":
        return way
    channels, bias = (spec.C, True) if name == "kernel" else (spec.F, False)
    windowed = windowed_gradient_tile(spec, channels, bias, precision, runtime.limits)
    if wants_warpgroups(products, precision, runtime.limits):
        others = _least_clocks(spec, windowed, gathered, precision)
        found = _by_warpgroups(spec, channels, bias, precision, runtime.limits)
        if found and (products == "warpgroups" or found[1] < BEYOND_COUNT * others):
            return PatchesGradient(runtime, spec, precision, name, warpgroup_kernel(name, precision), found[0])
    if windowed is None and products == "windows":
        raise ValueError(f"products: expected 'auto' or 'gathered' where windows do not fit, got 'windows' for {spec}")
    if windowed is None or (products == "auto" and not windows_cost_less(spec, windowed, gathered, precision)):
        return way
    return PatchesGradient(runtime, spec, precision, name, f"windowed_{name}_gradient", windowed)


def _by_warpgroups(
    spec: ConvLSTMSpec, channels: int, bias: bool, precision: str, limits: DeviceLimits
) -> tuple[PatchTile, float] | None:
    """The cheapest tile, and what it counts. None: none fits."""
    if precision == "tf32":
        tf32 = warpgroup_tf32_tile(spec, channels, bias, limits)
        return None if tf32 is None else (tf32, warpgroup_tf32_clocks(spec, tf32))
    bf16 = warpgroup_bf16_tile(spec, channels, bias, limits)
    return None if bf16 is None else (bf16, warpgroup_bf16_clocks(spec, bf16))


def _least_clocks(
    spec: ConvLSTMSpec, windowed: WindowedGradientTile | None, gathered: GradientTile, precision: str
) -> float:
    """What the cheaper of the two other ways counts."""
    clocks = gathered_gradient_clocks(spec, gathered, precision)
    return clocks if windowed is None else min(clocks, windowed_gradient_clocks(spec, windowed, precision))


def _frames(spec: ConvLSTMSpec, count: int) -> dict[str, Any]:
    return {"images": count * spec.B, "height": spec.H, "width": spec.W}
