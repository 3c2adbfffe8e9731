"""What the launchers of flat-array kernels share: how many elements go by fours, and how many blocks run."""

from typing import Any

from kernels.arrays import Array
from kernels.cuda.common.rounding import ceil_div

THREADS = 256
MAX_BLOCKS = 1024
ELEMENTS_PER_THREAD = 4


def address(array: Any) -> int:
    """Where the array's first byte stands, on a host or on a device."""
    interface = getattr(array, "__cuda_array_interface__", None) or array.__array_interface__
    return int(interface["data"][0])


def quads(n: int, *arrays: Array | None) -> int:
    """How many fours of n floats may be moved as 16 bytes: all of them, or none where an array is not aligned so."""
    aligned = all(array is None or address(array) % 16 == 0 for array in arrays)
    return n // 4 if aligned else 0


def blocks(n: int) -> tuple[int]:
    """The grid for n elements; it depends on nothing else, so a sum over blocks has one order."""
    return (min(MAX_BLOCKS, ceil_div(n, THREADS * ELEMENTS_PER_THREAD)),)
