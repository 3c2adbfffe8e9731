"""Launches few_inputs.cu: the input convolution of a ConvLSTM with few channels in; and which layers it is for."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from math import prod

from kernels.cuda.common.precision import operand_bytes, precision_defines
from kernels.cuda.common.rounding import ceil_div, round_up
from kernels.cuda.launch.launch import Program, Runtime, Size
from kernels.cuda.products.binding import Launch, bind_elements
from kernels.cuda.products.patch_tiles import PATCH_WIDTH
from kernels.cuda.products.strategy import (
    Arrays,
    BoundConvolution,
    ConvolutionStrategy,
    GradientStrategy,
    Product,
    frame_sizes,
)
from kernels.cuda.products.tiles import TARGET_BLOCKS
from kernels.specs import ConvLSTMSpec

MOST_CHANNELS = 3
"""With more, gathering copies 16 bytes at a time and pads little."""

MOST_WEIGHTS = 27
"""Most weights of a filter and gate: a thread holds those of four gates, or their sums, in registers."""

MOST_KERNEL_ROWS = 7
"""The compiler asks for a row of the window for each of them ahead, in registers, too."""

FEW_WEIGHTS = 9
"""Up to so many leave registers for two blocks of 256 threads on a multiprocessor; of more, two blocks of 128."""

LEAST_FILTERS = 32
"""Fewest filters of a block, if the layer has as many: a warp then writes the gates of one or two pixels."""

MOST_PATCH_ROWS = 40

FLOAT4_BYTES = 16

NOTHING_BESIDE = 0.0
"""The cost where it fits: no other strategy comes near what it takes to write z, or to read dz, alone."""


def has_few_inputs(spec: ConvLSTMSpec) -> bool:
    """Whether the weights of a filter fit in the registers of a thread. Then z and dz are written and read by threads
    that need next to nothing else, where gathering copies x element by element and pads its taps for the mma.
    """
    weights = spec.kh * spec.kw * spec.C
    return spec.C <= MOST_CHANNELS and spec.kh <= MOST_KERNEL_ROWS and weights <= MOST_WEIGHTS


@dataclass(frozen=True)
class FewInputsTile:
    """A block of both kernels, and the patches of x that it takes; FewInputsTile in few_inputs.cu.

    Attributes:
        spec: the layer.
        filters: threads side by side, one a filter.
        groups: of so many threads.
        strip: pixels that a thread has the gates of at a time.
    """

    spec: ConvLSTMSpec
    filters: int
    groups: int
    strip: int

    @property
    def arguments(self) -> str:
        return f"{self.filters}, {self.groups}, {self.strip}"

    @property
    def threads(self) -> int:
        return self.filters * self.groups

    @property
    def filter_blocks(self) -> int:
        """Blocks that share the filters."""
        return ceil_div(self.spec.F, self.filters)

    @property
    def weights(self) -> int:
        """Weights of a filter and gate."""
        return self.spec.kh * self.spec.kw * self.spec.C

    @property
    def patch_rows(self) -> int:
        """Rows of a patch: equal parts of a frame's. Where there are few frames they are few, for as many blocks as may
        be, but each group has a strip.
        """
        spec = self.spec
        shared_out = spec.T * spec.B * spec.H * ceil_div(spec.W, PATCH_WIDTH) // TARGET_BLOCKS
        most = min(MOST_PATCH_ROWS, max(shared_out, ceil_div(self.groups * self.strip, PATCH_WIDTH)))
        return ceil_div(spec.H, ceil_div(spec.H, most))

    def patches(self, frames: int) -> int:
        """Patches of so many frames of all movies."""
        return frames * self.spec.B * ceil_div(self.spec.H, self.patch_rows) * ceil_div(self.spec.W, PATCH_WIDTH)

    @property
    def window_bytes(self) -> int:
        """Bytes of shared memory for a patch with what the taps reach; rows are whole float4s."""
        row = round_up((PATCH_WIDTH + self.spec.kw - 1) * self.spec.C, 4)
        return 4 * (self.patch_rows + self.spec.kh - 1) * row

    @property
    def gradient_bytes(self) -> int:
        """Bytes of shared memory: the window, or what groups exchange for up to eight rows of the gradient."""
        return max(self.window_bytes, min(self.groups, 8) * self.threads * FLOAT4_BYTES)

    def slices(self, patches: int) -> tuple[int, int]:
        """How many slices of the gradient so many patches are split into, and how many a slice has."""
        per_slice = ceil_div(patches, max(1, TARGET_BLOCKS // self.filter_blocks))
        return ceil_div(patches, per_slice), per_slice


def few_inputs_tile(spec: ConvLSTMSpec, precision: str) -> FewInputsTile:
    """The block with the most threads that have work; of equal ones the one that has the most filters."""
    few = spec.kh * spec.kw * spec.C <= FEW_WEIGHTS
    most_threads = 256 if few else 128
    shares = (ceil_div(spec.F, blocks) for blocks in range(1, max(1, spec.F // LEAST_FILTERS) + 1))

    def working(filters: int) -> float:
        return most_threads // filters * spec.F / ceil_div(spec.F, filters)

    filters = max((share for share in shares if share <= most_threads), key=working)
    strip = 16 // operand_bytes(precision) if few else 4
    return FewInputsTile(spec, filters, most_threads // filters, strip)


class FewInputs(ConvolutionStrategy):
    """The input convolution of a layer with few inputs."""

    asked = ("auto",)

    def fits(self, product: Product[ConvLSTMSpec]) -> bool:
        return has_few_inputs(product.spec)

    def cost(self, product: Product[ConvLSTMSpec]) -> float:
        return NOTHING_BESIDE

    def bind(
        self, product: Product[ConvLSTMSpec], runtime: Runtime, program: Program, arrays: Arrays
    ) -> BoundConvolution:
        spec = product.spec
        tile, program = few_inputs_tile(spec, product.precision), _program(runtime, spec, product.precision)
        patches = tile.patches(spec.T)
        shape = (tile.weights, spec.F, 4)
        packed = runtime.empty(shape, "float32")
        kernel = (spec.kh, spec.kw, spec.C, 4 * spec.F)
        pack = bind_elements(program, "pack_few_inputs", prod(shape), {"kernel": kernel, "packed": shape})
        run = partial(
            program.kernel("few_inputs_forward", arrays.with_packed(shape, patches)),
            (patches, tile.filter_blocks),
            (tile.threads,),
            shared_bytes=tile.window_bytes,
            patch_rows=tile.patch_rows,
            **frame_sizes(spec, spec.T),
        )
        return BoundConvolution(patches, partial(pack, packed=packed), partial(run, packed=packed))


class FewInputsGradient(GradientStrategy):
    """The gradient of its kernel, by the same program."""

    asked = ("auto",)

    def fits(self, product: Product[ConvLSTMSpec]) -> bool:
        return has_few_inputs(product.spec)

    def cost(self, product: Product[ConvLSTMSpec]) -> float:
        return NOTHING_BESIDE

    def bind(self, product: Product[ConvLSTMSpec], runtime: Runtime, program: Program) -> "FewInputsSums":
        return FewInputsSums(runtime, product.spec, product.precision)


class FewInputsSums:
    """Stage 1 of the kernel's gradient."""

    def __init__(self, runtime: Runtime, spec: ConvLSTMSpec, precision: str) -> None:
        self._spec, self._tile = spec, few_inputs_tile(spec, precision)
        self._program = _program(runtime, spec, precision)

    def slices(self, frames: int) -> int:
        return self._tile.slices(self._tile.patches(frames))[0]

    def bind(self, frames: int, sizes: Mapping[str, Size], slice_offset: int = 0) -> Launch:
        tile = self._tile
        patches = tile.patches(frames)
        slices, per_slice = tile.slices(patches)
        return partial(
            self._program.kernel("few_inputs_gradient", sizes),
            (slices, tile.filter_blocks),
            (tile.threads,),
            shared_bytes=tile.gradient_bytes,
            patch_rows=tile.patch_rows,
            patches=patches,
            patches_per_slice=per_slice,
            **frame_sizes(self._spec, frames),
        )


def _program(runtime: Runtime, spec: ConvLSTMSpec, precision: str) -> Program:
    """One text for both directions, which is compiled once."""
    defines = {"SPEC_C": spec.C, "SPEC_F": spec.F, "SPEC_KH": spec.kh, "SPEC_KW": spec.kw}
    tile = {"FEW_INPUTS": few_inputs_tile(spec, precision).arguments}
    return Program(runtime, "conv_lstm/few_inputs.cu", defines | precision_defines(precision) | tile)
