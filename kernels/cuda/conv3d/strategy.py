"""What the strategies of a dense Conv3D have in common."""

from abc import abstractmethod
from typing import Any, Protocol

from kernels.cuda.common.precision import operand_bytes
from kernels.cuda.launch.launch import Array, Program, Runtime
from kernels.cuda.launch.workspace import Workspace
from kernels.cuda.products.strategy import Product, Strategy
from kernels.cuda.products.tiles import ConvTile
from kernels.specs import Conv3DSpec


class Conv3DTiles(Protocol):
    """The tiles of a program."""

    @property
    def backward(self) -> ConvTile:
        """The tile of the gradient of the input."""


class BoundConv3D(Protocol):
    """The forward pass and the gradient of the weights, bound to a shape.

    Attributes:
        program: that has the gradient of the input, too.
    """

    program: Program

    @property
    def tiles(self) -> Conv3DTiles:
        """The tiles that the program was compiled for."""

    def forward(self, x: Array, kernel: Array, bias: Array, y: Array) -> None:
        """x (T,B,H,W,C) -> y (T,B,H,W,K); x as operands."""

    def gradients(self, dy: Array, x: Array, dkernel: Array, dbias: Array) -> None:
        """dy (T,B,H,W,K), x (T,B,H,W,C) -> dkernel (kt,kh,kw,C,K), dbias (K); dy and x as operands."""


class Conv3DStrategy(Strategy[Conv3DSpec]):
    """One way to compute a dense Conv3D; its cost is in bytes that the forward pass moves for a pixel."""

    @abstractmethod
    def bind(self, product: Product[Conv3DSpec], runtime: Runtime, workspace: Workspace) -> BoundConv3D:
        """Compile, allocate and lay out the launches."""


def gathered_bytes(spec: Conv3DSpec, precision: str) -> float:
    """Bytes that the forward pass moves for a pixel that is gathered for each tap."""
    return spec.kt * spec.kh * spec.kw * spec.C * operand_bytes(precision)


def frame_sizes(spec: Conv3DSpec) -> dict[str, Any]:
    """Scalars that every kernel of a dense Conv3D takes."""
    return {"images": spec.T * spec.B, "per_frame": spec.B, "height": spec.H, "width": spec.W}
