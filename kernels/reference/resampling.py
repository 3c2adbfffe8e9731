"""Resampling: frames, rows and columns each through a matrix.

(1)  y[p] = sum over q of frames[p_t, q_t] rows[p_h, q_h] columns[p_w, q_w] x[q]
     backward:  dx[q] = sum over p of frames[p_t, q_t] rows[p_h, q_h] columns[p_w, q_w] dy[p]   (1)
"""

from typing import Any

import numpy as np

from kernels.arrays import HostArray
from kernels.operations import Resampling
from kernels.specs import ResamplingSpec


class ReferenceResampling(Resampling[HostArray]):
    """Multiplies by the whole matrices."""

    def __init__(self, spec: ResamplingSpec, dtype: np.dtype[Any]) -> None:
        self.matrices = [axis.matrix.astype(dtype) for axis in spec.axes]

    def forward(self, x: HostArray) -> HostArray:
        return _through(self.matrices, x)

    def backward(self, dy: HostArray) -> HostArray:
        return _through([matrix.T for matrix in self.matrices], dy)


def _through(matrices: list[HostArray], x: HostArray) -> HostArray:
    """(1), one axis after the other."""
    for axis, matrix in zip((0, 2, 3), matrices, strict=True):
        x = np.moveaxis(np.tensordot(matrix, x, (1, axis)), 0, axis)
    return np.ascontiguousarray(x)
