"""Softmax: scores to shares of a whole, in rows."""

from abc import ABC, abstractmethod
from typing import Generic

from kernels.arrays import ArrayT


class Softmax(ABC, Generic[ArrayT]):
    """A softmax in each row of the last axis; arrays of any one shape.

        forward                                     backward

        y = exp(z - max(z)) / sum(exp(z - max(z)))  dz = y * (dy - sum(dy * y))

    Allocates nothing. It has the methods of kernels.activations.ActivationOperation.
    """

    @abstractmethod
    def forward(self, z: ArrayT, y: ArrayT) -> None:
        """Write y; it may be z itself. A row with a NaN is NaN."""

    @abstractmethod
    def backward(self, kept: ArrayT, dy: ArrayT, dz: ArrayT) -> None:
        """Write dz; it may be dy itself. kept is what forward wrote, y."""
