"""The products of a ConvLSTM gathered: conv_lstm.cu reads each tap of a pixel anew. It runs every layer."""

from collections.abc import Mapping
from functools import partial
from math import prod

from kernels.cuda.common.precision import operand_bytes, operand_dtype
from kernels.cuda.common.rounding import round_up
from kernels.cuda.launch.launch import Program, Runtime, Size
from kernels.cuda.launch.source import Constant
from kernels.cuda.products.binding import (
    Launch,
    bind_convolution,
    bind_elements,
    bind_gradient,
    cell_defines,
    tile_defines,
)
from kernels.cuda.products.costs import BEYOND_COUNT, gathered_clocks, gathered_gradient_clocks
from kernels.cuda.products.strategy import (
    Arrays,
    BoundConvolution,
    ConvolutionStrategy,
    GradientStrategy,
    Product,
    Products,
    frame_sizes,
)
from kernels.cuda.products.tiles import ConvTile, GradientTile, conv_tile, gradient_tile
from kernels.specs import ConvLSTMSpec

ConvLSTMProduct = Product[ConvLSTMSpec]


class Tiles:
    """The tiles of the six products of a layer, in conv_lstm.cu."""

    def __init__(self, spec: ConvLSTMSpec, precision: str) -> None:
        taps, gates, element = spec.kh * spec.kw, 4 * spec.F, operand_bytes(precision)
        gate_columns = round_up(spec.F, 4) * 4
        self.input_forward = conv_tile(taps * spec.C, gate_columns, paired=True, element=element)
        self.step_forward = conv_tile(taps * spec.F, gate_columns, paired=True, element=element)
        self.input_backward = conv_tile(taps * gates, spec.C, element=element)
        self.step_backward = conv_tile(taps * gates, spec.F, element=element)
        self.kernel_gradient = gradient_tile(taps * spec.C + 1, gates, element)
        self.recurrent_gradient = gradient_tile(taps * spec.F, gates, element)


def conv_lstm_defines(spec: ConvLSTMSpec, precision: str) -> dict[str, Constant]:
    """The constants of conv_lstm.cu; frame sizes, frames and batch are arguments and cost no compilation."""
    return {"SPEC_C": spec.C, **cell_defines(spec, precision), **tile_defines(Tiles(spec, precision))}


def weights_of(name: str) -> str:
    """The convolution whose packed weights and tile a gathered one has."""
    return "step_backward" if name == "initial_state_backward" else name


class Gathered(ConvolutionStrategy):
    """A convolution that gathers a pixel for each tap."""

    def __init__(self, asked: tuple[Products, ...] = ("auto", "warpgroups", "gathered")) -> None:
        self.asked = asked

    def tile(self, product: ConvLSTMProduct) -> ConvTile:
        """The tile that the layer's conv_lstm.cu is compiled for."""
        tile: ConvTile = getattr(Tiles(product.spec, product.precision), weights_of(product.name))
        return tile

    def fits(self, product: ConvLSTMProduct) -> bool:
        return True

    def cost(self, product: ConvLSTMProduct) -> float:
        return BEYOND_COUNT * gathered_clocks(product.spec, self.tile(product), product.precision, product.limits)

    def bind(self, product: ConvLSTMProduct, runtime: Runtime, program: Program, arrays: Arrays) -> BoundConvolution:
        spec, name, tile = product.spec, product.name, self.tile(product)
        pixels, shape = spec.T * spec.B * spec.H * spec.W, tile.packed_shape
        tiles = tile.grid(pixels)[0]
        packed = runtime.empty(shape, operand_dtype(product.precision))
        pack = bind_elements(program, f"pack_{weights_of(name)}", prod(shape), packing_sizes(product, shape))
        sizes = arrays.with_packed(shape, tiles)
        run = bind_convolution(program, name, tile, pixels, sizes, arrays.optional, **frame_sizes(spec, spec.T))
        return BoundConvolution(tiles, partial(pack, packed=packed), partial(run, packed=packed))


def packing_sizes(product: ConvLSTMProduct, packed: tuple[int, ...]) -> dict[str, Size]:
    """The arrays of the kernel that packs the weights of a convolution."""
    spec, weights = product.spec, "kernel" if product.name.startswith("input") else "recurrent_kernel"
    return {weights: (spec.kh, spec.kw, spec.C, 4 * spec.F), "packed": packed}


class GatheredGradient(GradientStrategy):
    """A weight gradient that gathers a pixel for each tap."""

    def __init__(self, asked: tuple[Products, ...] = ("auto", "warpgroups", "gathered")) -> None:
        self.asked = asked

    def tile(self, product: ConvLSTMProduct) -> GradientTile:
        """The tile that the layer's conv_lstm.cu is compiled for."""
        tile: GradientTile = getattr(Tiles(product.spec, product.precision), f"{product.name}_gradient")
        return tile

    def fits(self, product: ConvLSTMProduct) -> bool:
        return True

    def cost(self, product: ConvLSTMProduct) -> float:
        return BEYOND_COUNT * gathered_gradient_clocks(product.spec, self.tile(product), product.precision)

    def bind(self, product: ConvLSTMProduct, runtime: Runtime, program: Program) -> "GatheredSums":
        return GatheredSums(program, product, self.tile(product))


class GatheredSums:
    """Stage 1 of one gradient of one layer."""

    def __init__(self, program: Program, product: ConvLSTMProduct, tile: GradientTile) -> None:
        self._program, self._spec, self._name, self._tile = program, product.spec, product.name, tile

    def slices(self, frames: int) -> int:
        return self._tile.slices(self._pixels(frames))[0]

    def bind(self, frames: int, sizes: Mapping[str, Size], slice_offset: int = 0) -> Launch:
        scalars = frame_sizes(self._spec, frames)
        if self._name == "recurrent":
            scalars["slice_offset"] = slice_offset
        return bind_gradient(
            self._program, f"{self._name}_gradient", self._tile, self._pixels(frames), sizes, **scalars
        )

    def _pixels(self, frames: int) -> int:
        return frames * self._spec.B * self._spec.H * self._spec.W
