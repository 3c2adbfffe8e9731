"""An array repeated along some axes, and the sum over them that is its gradient."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, NamedTuple

from kernels.arrays import ArrayT


class Broadcast(ABC, Generic[ArrayT]):
    """x repeated along the axes where it has size 1 and y has more, as NumPy broadcasts; bound to both shapes.

        y[i, j, ...] = x[i or 0, j or 0, ...]

    Both have one rank, 1 to 5. Its backward is the sum over any choice of axes, such as a bias' gradient.
    """

    @abstractmethod
    def forward(self, x: ArrayT, y: ArrayT) -> None:
        """Write y."""

    @abstractmethod
    def add(self, x: ArrayT, y: ArrayT) -> None:
        """y += what forward would write: a bias."""

    @abstractmethod
    def backward(self, dy: ArrayT, dx: ArrayT) -> None:
        """Write dx, the sums of dy over the axes along which x is repeated; they are not the same memory."""


class Axis(NamedTuple):
    """Neighbouring axes of y as one.

    Attributes:
        size: how many indices.
        step: elements of y from one to the next.
    """

    size: int
    step: int


def split_axes(x_shape: Sequence[int], y_shape: Sequence[int]) -> tuple[list[Axis], list[Axis]]:
    """The axes of y that x has too, and those that it is repeated along, each outermost first: at most three.

    Neighbours of one kind count as one axis, those of size 1 as none. Raises ValueError: x does not broadcast to y.
    """
    ranks_fit = len(x_shape) == len(y_shape) and 1 <= len(x_shape) <= 5
    if not ranks_fit or any(size not in (1, wide) for size, wide in zip(x_shape, y_shape, strict=True)):
        raise ValueError(
            f"x_shape: expected as many sizes as {tuple(y_shape)}, 1 to 5, each the same or 1, got {tuple(x_shape)}"
        )
    kinds: tuple[list[Axis], list[Axis]] = ([], [])
    step, last = 1, -1
    for size, wide in zip(reversed(x_shape), reversed(y_shape), strict=True):
        if wide > 1:
            kind = int(size != wide)
            axes = kinds[kind]
            if kind == last:
                axes[0] = Axis(axes[0].size * wide, axes[0].step)
            else:
                axes.insert(0, Axis(wide, step))
            last = kind
        step *= wide
    return kinds
