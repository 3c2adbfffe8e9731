"""Rows of a table by their numbers."""

from abc import ABC, abstractmethod
from typing import Generic

from kernels.arrays import ArrayT


class Lookup(ABC, Generic[ArrayT]):
    """Rows of a table by their numbers, as an embedding reads it; bound to a LookupSpec.

        y[p] = table[numbers[p]]

    Shapes, or others of as many elements: numbers (positions), table (rows, features), y (positions, features).
    Numbers are of the back end's floating-point dtype, as all arrays are, and exact up to 2^24 in float32; fractions
    are cut off. A number that is no row of the table gives NaN, and no gradient.
    """

    @abstractmethod
    def forward(self, numbers: ArrayT, table: ArrayT) -> ArrayT:
        """Return y (positions, features)."""

    @abstractmethod
    def backward(self, dy: ArrayT, numbers: ArrayT, dtable: ArrayT) -> None:
        """Write dtable: each row the sum of dy over the positions that read it, from the first to the last.

        Forward saves nothing. The spec has training=True.
        """
