"""Memory that begins on a cache line."""

import math
from typing import Any

import numpy as np

from kernels.arrays import HostArray

LINE_BYTES = 64


def zeros(shape: int | tuple[int, ...], dtype: Any) -> HostArray:
    """Zeros whose first element begins a cache line.

    NumPy aligns to 16 bytes: then every load and store of a 64-byte register touches two lines.
    """
    dtype = np.dtype(dtype)
    size = math.prod(shape) if isinstance(shape, tuple) else shape
    memory = np.zeros(size + LINE_BYTES // dtype.itemsize, dtype)
    first = -memory.ctypes.data % LINE_BYTES // dtype.itemsize
    return memory[first : first + size].reshape(shape)
