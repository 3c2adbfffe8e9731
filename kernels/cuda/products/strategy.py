"""How a product is computed: a strategy is one object, and a product is chosen a strategy from one declared list.

A product is one convolution of a layer, or one gradient of its weights. Its strategies compute the same numbers, but
for rounding: gathered, over windows in shared memory, by warpgroups, for few inputs, for few outputs. Each says whether
it can run (`fits`) and what that would cost (`cost`), and makes the launches (`bind`, whose arguments the kind of
product sets). docs/adding/kernel.md adds one.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

from kernels.cuda.launch.launch import DeviceLimits, Program, Runtime, Size
from kernels.cuda.products.binding import Launch
from kernels.specs import Conv3DSpec, ConvLSTMSpec

Products = Literal["auto", "warpgroups", "windows", "gathered"]
PRODUCTS: tuple[Products, ...] = ("auto", "warpgroups", "windows", "gathered")
"""What CudaBackend(products=...) takes."""

Spec = TypeVar("Spec", ConvLSTMSpec, Conv3DSpec)


@dataclass(frozen=True)
class Product(Generic[Spec]):
    """One product, with all that a strategy depends on.

    Attributes:
        name: of the product, such as "input_forward".
        spec: of the layer; a step's has T=1 and C=F.
        precision: of the multiplications.
        limits: of the device.
    """

    name: str
    spec: Spec
    precision: str
    limits: DeviceLimits


def sizes_of(spec: ConvLSTMSpec, **given: int) -> ConvLSTMSpec:
    """The spec with its sizes alone, some of them as given: what a tile depends on, so that layers share a search."""
    sizes = {name: getattr(spec, name) for name in ("T", "B", "H", "W", "C", "F", "kh", "kw")}
    return ConvLSTMSpec(**sizes | given)


class Strategy(ABC, Generic[Spec]):
    """One way to compute a product.

    Attributes:
        asked: the values of CudaBackend(products=...) under which it may be taken.
    """

    asked: tuple[Products, ...]

    @abstractmethod
    def fits(self, product: Product[Spec]) -> bool:
        """Whether its kernel can run the product on the device."""

    @abstractmethod
    def cost(self, product: Product[Spec]) -> float:
        """What the product would cost, in the unit of all strategies of its list. Call it only where it fits."""


AnyStrategy = TypeVar("AnyStrategy", bound=Strategy[Any])


def choose(strategies: Sequence[AnyStrategy], product: Product[Any], products: Products) -> AnyStrategy:
    """The strategy that costs least of those that fit; the first that fits, where `products` asks for some by name.

    Raises ValueError where none that is asked for fits.
    """
    fitting = (each for each in strategies if products in each.asked and each.fits(product))
    if products == "auto":
        return min(fitting, key=lambda strategy: strategy.cost(product))
    for strategy in fitting:
        return strategy
    raise ValueError(
        f"products: expected 'auto' or 'gathered' where windows do not fit, got {products!r} for {product.spec}"
    )


@dataclass(frozen=True)
class Arrays:
    """What a convolution's kernel reads and writes beside its packed weights.

    Attributes:
        sizes: of each array.
        optional: those that may be None.
        of_a_tile: the shape of what is written for each tile of pixels.
    """

    sizes: Mapping[str, Size]
    optional: tuple[str, ...] = ()
    of_a_tile: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def with_packed(self, packed: tuple[int, ...], tiles: int) -> dict[str, Size]:
        """The sizes of all arrays of a kernel with so many tiles."""
        return {**self.sizes, "packed": packed, **{name: (tiles, *shape) for name, shape in self.of_a_tile.items()}}


@dataclass(frozen=True)
class BoundConvolution:
    """A convolution bound to a shape.

    Attributes:
        tiles: of pixels, that it cuts its pixels into.
        pack: takes the weights by their name, for the runs that follow.
        run: takes the kernel's own arrays and scalars.
    """

    tiles: int
    pack: Launch
    run: Launch


class ConvolutionStrategy(Strategy[ConvLSTMSpec]):
    """One way to compute a convolution of a ConvLSTM."""

    @abstractmethod
    def bind(
        self, product: Product[ConvLSTMSpec], runtime: Runtime, program: Program, arrays: Arrays
    ) -> BoundConvolution:
        """Compile, allocate and lay out the launches; program: the layer's conv_lstm.cu."""


class FirstStage(Protocol):
    """A weight gradient's sums over slices of the pixels, over any number of frames."""

    def slices(self, frames: int) -> int:
        """How many slices the frames are split into; none, if there are no frames."""

    def bind(self, frames: int, sizes: Mapping[str, Size], slice_offset: int = 0) -> Launch:
        """The launch over so many frames: x, dz -> partial. slice_offset: slices that an earlier launch has filled."""


class GradientStrategy(Strategy[ConvLSTMSpec]):
    """One way to compute stage 1 of a gradient of a ConvLSTM's weights.

    The product is "kernel", whose x is the layer's input and which has a row for the bias, or "recurrent", whose x is
    the state that each dz saw.
    """

    @abstractmethod
    def bind(self, product: Product[ConvLSTMSpec], runtime: Runtime, program: Program) -> FirstStage:
        """Compile; program: the layer's conv_lstm.cu."""


def frame_sizes(spec: ConvLSTMSpec, frames: int) -> dict[str, Any]:
    """Scalars that every kernel over so many frames takes."""
    return {"images": frames * spec.B, "height": spec.H, "width": spec.W}
