"""Sums of columns in float64, from the first row to the last."""

import numpy as np

from kernels.arrays import Array, HostArray
from kernels.cpu.compile.jit import jit


@jit
def sum_rows(partial: Array, total: Array) -> None:
    """total[n] = sum of column n of partial (chunks, columns), from the first row to the last."""
    for n in range(partial.shape[1]):
        result = 0.0
        for chunk in range(partial.shape[0]):
            result += partial[chunk, n]
        total[n] = result


@jit
def _column_sums(x: Array, sums: Array, total: Array) -> None:
    """Row by row: columns one after the other would read all of x for each."""
    width = total.size
    for start in range(0, x.size, width):
        for n in range(width):
            sums[n] += x[start + n]
    for n in range(width):
        total[n] = sums[n]


def column_sums(x: HostArray, total: HostArray) -> None:
    """total[n] = sum of column n of the flat matrix x (rows, total.size)."""
    _column_sums(x, np.zeros(total.size), total)
