"""Rows of a table by their numbers.

    forward                                   backward
    (1)  y[p] = table[numbers[p]]             dtable[r] = sum of dy[p] over the p with numbers[p] = r, in their order

Backward, a worker owns rows of the table and goes through all positions: no two write to one row, and the order in
which a row is summed is that of the positions, whoever sums it.
"""

import math
from typing import Any

import numpy as np

from kernels.arrays import Array, HostArray
from kernels.cpu.compile.jit import claim_threads, parallel, prange, signed
from kernels.cpu.compile.memory import zeros
from kernels.cpu.compile.vector import broadcast, lanes, load_first, store_first
from kernels.operations import Lookup
from kernels.specs import LookupSpec


@parallel
def _forward(workers: int, features: int, numbers: Array, table: Array, y: Array) -> None:
    """Run (1); arrays are flat."""
    positions, rows = numbers.size, table.size // features
    for index in prange(workers):
        worker = signed(index)
        for p in range(worker * positions // workers, (worker + 1) * positions // workers):
            number = numbers[p]
            inside = number >= 0.0 and number < rows
            row = int(number) if inside else 0
            for k in range(0, features, lanes(y)):
                value = load_first(table, row * features + k, features - k)
                if not inside:
                    value = broadcast(y, math.nan)
                store_first(y, p * features + k, value, features - k)


@parallel
def _backward(workers: int, features: int, numbers: Array, dy: Array, dtable: Array) -> None:
    """Run (1) backwards; arrays are flat."""
    rows = dtable.size // features
    for index in prange(workers):
        worker = signed(index)
        first, last = worker * rows // workers, (worker + 1) * rows // workers
        dtable[first * features : last * features] = 0.0
        for p in range(numbers.size):
            number = numbers[p]
            if number >= first and number < last:
                row = int(number)
                for k in range(0, features, lanes(dtable)):
                    here, count = row * features + k, features - k
                    total = load_first(dtable, here, count) + load_first(dy, p * features + k, count)
                    store_first(dtable, here, total, count)


class CpuLookup(Lookup[HostArray]):
    """One pass each way."""

    def __init__(self, spec: LookupSpec, dtype: np.dtype[Any], workers: int) -> None:
        self.features, self.workers = spec.features, workers
        self.y = zeros((spec.positions, spec.features), dtype)

    def forward(self, numbers: HostArray, table: HostArray) -> HostArray:
        claim_threads(self.workers)
        _forward(self.workers, self.features, numbers.reshape(-1), table.reshape(-1), self.y.reshape(-1))
        return self.y

    def backward(self, dy: HostArray, numbers: HostArray, dtable: HostArray) -> None:
        claim_threads(self.workers)
        _backward(self.workers, self.features, numbers.reshape(-1), dy.reshape(-1), dtable.reshape(-1))
