"""Sums of columns in float64, from the first row to the last."""

from kernels.arrays import Array
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
def column_sums(x: Array, total: Array) -> None:
    """total[n] = sum of column n of the flat matrix x (rows, total.size)."""
    width = total.size
    for n in range(width):
        result = 0.0
        for i in range(n, x.size, width):
            result += x[i]
        total[n] = result
