"""Weight gradients over patches of pixels: what their strategies share is the launch; each has a tile and a kernel."""

from abc import abstractmethod
from collections.abc import Mapping
from functools import partial

from kernels.cuda.common.precision import precision_defines
from kernels.cuda.launch.launch import Program, Runtime, Size
from kernels.cuda.launch.source import Constant
from kernels.cuda.products.binding import Launch
from kernels.cuda.products.patch_tiles import PatchTile
from kernels.cuda.products.strategy import GradientStrategy, Product, frame_sizes
from kernels.specs import ConvLSTMSpec


class PatchGradient(GradientStrategy):
    """A strategy whose kernel sums over patches.

    Attributes:
        source: its .cu file.
        entry: the name of its kernel; {} stands for the product.
    """

    source: str
    entry: str

    @abstractmethod
    def tile(self, product: Product[ConvLSTMSpec]) -> PatchTile | None:
        """The tile that costs least. None: none fits."""

    def fits(self, product: Product[ConvLSTMSpec]) -> bool:
        return self.tile(product) is not None

    def bind(self, product: Product[ConvLSTMSpec], runtime: Runtime, program: Program) -> "PatchSums":
        tile = self.tile(product)
        assert tile is not None, "bound only where it fits"
        return self.bind_tile(product, runtime, tile)

    def bind_tile(self, product: Product[ConvLSTMSpec], runtime: Runtime, tile: PatchTile) -> "PatchSums":
        """The sums with a tile of one's own choice."""
        entry = self.entry.format(product.name)
        return PatchSums(runtime, product, self.source, entry, tile)


class PatchSums:
    """Stage 1 of one gradient with one tile."""

    def __init__(
        self, runtime: Runtime, product: Product[ConvLSTMSpec], source: str, entry: str, tile: PatchTile
    ) -> None:
        spec = product.spec
        defines: dict[str, Constant] = {
            "SPEC_C": channels_of(product),
            "SPEC_F": spec.F,
            "SPEC_KH": spec.kh,
            "SPEC_KW": spec.kw,
            "SPEC_BIAS": has_bias(product),
            **precision_defines(product.precision),
            "TILE": tile.arguments,
            "ENTRY": entry,
        }
        self._spec, self._entry, self._tile = spec, entry, tile
        self._program = Program(runtime, source, defines)

    def slices(self, frames: int) -> int:
        return self._tile.slices(self._patches(frames))[0]

    def bind(self, frames: int, sizes: Mapping[str, Size], slice_offset: int = 0) -> Launch:
        tile, patches = self._tile, self._patches(frames)
        slices, per_slice = tile.slices(patches)
        return partial(
            self._program.kernel(self._entry, sizes),
            tile.grid(slices),
            (tile.threads,),
            shared_bytes=tile.shared_bytes,
            slice_offset=slice_offset,
            patch_rows=tile.patch_rows,
            patches=patches,
            patches_per_slice=per_slice,
            **frame_sizes(self._spec, frames),
        )

    def _patches(self, frames: int) -> int:
        return self._tile.patches(frames * self._spec.B, self._spec.H, self._spec.W)


def channels_of(product: Product[ConvLSTMSpec]) -> int:
    """Channels of x."""
    return product.spec.C if product.name == "kernel" else product.spec.F


def has_bias(product: Product[ConvLSTMSpec]) -> bool:
    """Whether the gradient has a row for the bias."""
    return product.name == "kernel"
