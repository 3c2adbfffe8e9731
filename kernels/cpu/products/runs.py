"""Runs of contiguous elements, moved a vector at a time."""

from kernels.arrays import Array
from kernels.cpu.compile.jit import jit
from kernels.cpu.compile.vector import broadcast, lanes, load_first, store_first


@jit
def copy_run(source: Array, source_start: int, target: Array, target_start: int, count: int) -> None:
    """target[target_start : +count] = source[source_start : +count]."""
    for i in range(0, count, lanes(target)):
        store_first(target, target_start + i, load_first(source, source_start + i, count - i), count - i)


@jit
def zero_run(target: Array, start: int, count: int) -> None:
    """target[start : +count] = 0."""
    for i in range(0, count, lanes(target)):
        store_first(target, start + i, broadcast(target, 0.0), count - i)
