"""What the two back ends on the host share: their arrays are NumPy's."""

from typing import Any

import numpy as np

from kernels.backend import Backend

Array = np.ndarray[Any, Any]


class HostBackend(Backend):
    """A back end whose arrays are NumPy arrays on the host."""

    def empty(self, shape: tuple[int, ...], dtype: Any = None) -> Array:
        return np.empty(shape, self.dtype if dtype is None else dtype)

    def zeros(self, shape: tuple[int, ...], dtype: Any = None) -> Array:
        return np.zeros(shape, self.dtype if dtype is None else dtype)

    def from_host(self, array: Array, dtype: Any = None) -> Array:
        return np.array(array, dtype=self.dtype if dtype is None else dtype, order="C")

    def to_host(self, array: Array) -> Array:
        return array.copy()

    def copy_into(self, target: Array, source: Array) -> None:
        target[...] = source
