"""The convolutions of a ConvLSTM over windows of pixels in shared memory: windowed_*.cu, by warps or by warpgroups."""

from abc import abstractmethod
from functools import partial
from math import inf, prod

from kernels.cuda.common.precision import operand_dtype
from kernels.cuda.conv_lstm.gathered import ConvLSTMProduct, packing_sizes
from kernels.cuda.launch.launch import Program, Runtime
from kernels.cuda.products.binding import bind_elements, cell_defines
from kernels.cuda.products.costs import BEYOND_COUNT, front_bytes, windowed_grid
from kernels.cuda.products.strategy import Arrays, BoundConvolution, ConvolutionStrategy, frame_sizes, sizes_of
from kernels.cuda.products.warpgroup.warpgroup_search import cheapest_group_tile, group_clocks
from kernels.cuda.products.warpgroup.warpgroup_tiles import GroupTile, has_warpgroups
from kernels.cuda.products.windowed.windowed_search import cheapest_tile, windowed_clocks
from kernels.cuda.products.windowed.windowed_tiles import WindowTile


class OverWindows(ConvolutionStrategy):
    """A convolution by windowed_<name>.cu; a subclass has the tile."""

    @abstractmethod
    def tile(self, product: ConvLSTMProduct) -> WindowTile | GroupTile | None:
        """The tile that costs least. None: none fits."""

    def fits(self, product: ConvLSTMProduct) -> bool:
        return self.tile(product) is not None

    def bind(self, product: ConvLSTMProduct, runtime: Runtime, program: Program, arrays: Arrays) -> BoundConvolution:
        spec, name, tile = product.spec, product.name, self.tile(product)
        assert tile is not None, "bound only where it fits"
        defines = cell_defines(spec, product.precision) | {"SPEC_C": spec.C, "TILE": tile.kind}
        program = Program(runtime, f"conv_lstm/windowed_{name}.cu", defines | {name.upper(): tile.arguments})
        tiles, shape = tile.tiles(spec.T * spec.B, spec.H, spec.W), tile.packed_shape
        packed = runtime.empty(shape, operand_dtype(product.precision))
        pack = bind_elements(program, f"pack_windowed_{name}", prod(shape), packing_sizes(product, shape))
        run = partial(
            program.kernel(f"windowed_{name}", arrays.with_packed(shape, tiles), arrays.optional),
            windowed_grid(spec, tile, product.limits),
            (tile.threads,),
            shared_bytes=front_bytes(name, tile) + tile.shared_bytes(spec.W),
            **frame_sizes(spec, spec.T),
        )
        return BoundConvolution(tiles, partial(pack, packed=packed, groups=tile.groups), partial(run, packed=packed))


class Windows(OverWindows):
    """Warps multiply for themselves: mma.sync, or FFMA in float32."""

    asked = ("auto", "warpgroups", "windows")

    def tile(self, product: ConvLSTMProduct) -> WindowTile | None:
        return cheapest_tile(product.name, sizes_of(product.spec), product.precision, product.limits)

    def cost(self, product: ConvLSTMProduct) -> float:
        tile = self.tile(product)
        if tile is None:
            return inf
        return BEYOND_COUNT * windowed_clocks(product.spec, tile, product.precision, product.limits)


class Warpgroups(OverWindows):
    """Hopper's products of warpgroups, which read both factors from shared memory."""

    asked = ("auto", "warpgroups")

    def tile(self, product: ConvLSTMProduct) -> GroupTile | None:
        if not has_warpgroups(product.precision, product.limits):
            return None
        return cheapest_group_tile(product.name, sizes_of(product.spec), product.precision, product.limits)

    def cost(self, product: ConvLSTMProduct) -> float:
        tile = self.tile(product)
        return inf if tile is None else group_clocks(product.spec, tile, product.limits)
