"""Masked copies: dropout that differs from gate to gate."""

from abc import ABC, abstractmethod
from typing import Generic

from kernels.arrays import ArrayT


class MaskedCopies(ABC, Generic[ArrayT]):
    """A copy of x for each of G masks, side by side: dropout that differs from gate to gate.

        y[t, ..., g*C + c] = x[t, ..., c] * masks[g, ..., c]

    Bound to the array of masks (G,B,H,W,C), whose contents may change between calls. Shapes: x (T,B,H,W,C),
    y (T,B,H,W,G*C), for any T.
    """

    @abstractmethod
    def forward(self, x: ArrayT, y: ArrayT) -> None:
        """Write y."""

    @abstractmethod
    def backward(self, dy: ArrayT, dx: ArrayT) -> None:
        """Write dx[t, ..., c] = sum over g of dy[t, ..., g*C + c] * masks[g, ..., c]."""
