"""Operations that move numbers and compute nothing."""

from abc import ABC, abstractmethod
from typing import Generic

from kernels.arrays import ArrayT


class Permute(ABC, Generic[ArrayT]):
    """The axes of an array of rank 1 to 5 in another order, as numpy.transpose has it; bound to that order."""

    @abstractmethod
    def forward(self, x: ArrayT, y: ArrayT) -> None:
        """Write y: axis k of y is axis axes[k] of x."""

    @abstractmethod
    def backward(self, dy: ArrayT, dx: ArrayT) -> None:
        """Write dx: axis axes[k] of dx is axis k of dy."""


class Block(ABC, Generic[ArrayT]):
    """A block of one array copied into a block of another; bound to a BlockSpec.

        y[y_start : y_start + size] = x[x_start : x_start + size]          on each axis

    With zeros, what lies outside the block is zero: padding, where the block is all of x, and cropping, where it is all
    of y. Without, it is left as it was: several blocks make one array.
    """

    @abstractmethod
    def forward(self, x: ArrayT, y: ArrayT) -> None:
        """Write y, or its block."""

    @abstractmethod
    def backward(self, dy: ArrayT, dx: ArrayT) -> None:
        """Write dx: dy's block in the block of x, and outside it zero, or nothing."""


def inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the order of axes that undoes `axes`."""
    return tuple(axes.index(axis) for axis in range(len(axes)))
