"""Rows of a table by their numbers.

forward                                   backward
(1)  y[p] = table[numbers[p]]             dtable[r] = sum of dy[p] over the p with numbers[p] = r, in their order
"""

from typing import Any

import numpy as np

from kernels.arrays import HostArray
from kernels.operations import Lookup
from kernels.specs import LookupSpec


class ReferenceLookup(Lookup[HostArray]):
    """A number that is no row reads NaN."""

    def __init__(self, spec: LookupSpec, dtype: np.dtype[Any]) -> None:
        self.spec, self.dtype = spec, dtype

    def forward(self, numbers: HostArray, table: HostArray) -> HostArray:
        inside, rows = self._rows(numbers)
        y = np.full((self.spec.positions, self.spec.features), np.nan, self.dtype)
        y[inside] = table[rows]  # (1)
        return y

    def backward(self, dy: HostArray, numbers: HostArray, dtable: HostArray) -> None:
        inside, rows = self._rows(numbers)
        dtable[...] = 0.0
        np.add.at(dtable, rows, dy.reshape(self.spec.positions, self.spec.features)[inside])  # (1)

    def _rows(self, numbers: HostArray) -> tuple[HostArray, HostArray]:
        """Where a number is a row of the table, and those rows."""
        flat = numbers.reshape(-1)
        inside = (flat >= 0) & (flat < self.spec.rows)
        return inside, flat[inside].astype(np.int64)
