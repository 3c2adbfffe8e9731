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


def inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the order of axes that undoes `axes`."""
    return tuple(axes.index(axis) for axis in range(len(axes)))
