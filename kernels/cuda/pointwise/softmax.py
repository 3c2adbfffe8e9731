"""Launches softmax.cu: scores to shares of a whole, in rows."""

from typing import Any

from kernels.arrays import Array
from kernels.cuda.common.rounding import ceil_div
from kernels.cuda.pointwise.pieces import Kernels
from kernels.operations import Softmax

_THREADS = 256
_ROWS_OF_A_BLOCK = _THREADS // 32


class CudaSoftmax(Softmax[Array]):
    """One launch each way.

    Args:
        kernels: those of softmax.cu.
    """

    def __init__(self, kernels: Kernels) -> None:
        self._kernels = kernels

    def forward(self, z: Array, y: Array) -> None:
        self._launch("softmax_forward", z, z=z, y=y)

    def backward(self, kept: Array, dy: Array, dz: Array) -> None:
        self._launch("softmax_backward", kept, y=kept, dy=dy, dz=dz)

    def _launch(self, name: str, like: Array, **arrays: Any) -> None:
        columns = like.shape[-1]
        rows = like.size // columns
        kernel = self._kernels(name, dict.fromkeys(arrays, like.size))
        kernel((ceil_div(rows, _ROWS_OF_A_BLOCK),), (_THREADS,), columns=columns, rows=rows, **arrays)
