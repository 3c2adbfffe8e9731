"""Sums whose order is fixed: over chunks of a fixed length first, then over the chunks' sums, in float64."""

from typing import Any

import numpy as np

from kernels.cpu.jit import jit, parallel, prange

Array = Any

CHUNK = 1024
"""Rows of a matrix, or elements of a vector, whose sum is one partial sum."""


@jit
def chunk_count(items: int) -> int:
    """Chunks that cover so many items."""
    return (items + CHUNK - 1) // CHUNK


@jit
def sum_rows(partial: Array, total: Array) -> None:
    """total[n] = sum of column n of partial (chunks, columns), from the first row to the last."""
    for n in range(partial.shape[1]):
        result = 0.0
        for chunk in range(partial.shape[0]):
            result += partial[chunk, n]
        total[n] = result


@parallel
def column_sums(x: Array, workers: int, total: Array) -> None:
    """total[n] = sum of column n of the flat matrix x (rows, total.size)."""
    width = total.size
    rows = x.size // width
    chunks = chunk_count(rows)
    partial = np.zeros((chunks, width))
    for worker in prange(workers):
        for chunk in range(worker * chunks // workers, (worker + 1) * chunks // workers):
            for row in range(chunk * CHUNK, min(rows, (chunk + 1) * CHUNK)):
                for n in range(width):
                    partial[chunk, n] += x[row * width + n]
    sum_rows(partial, total)
