"""Softmax: scores to shares of a whole, in rows; see kernels.operations.Softmax.

forward                                            backward
(1)  y = exp(z - max(z)) / sum(exp(z - max(z)))    dz = y * (dy - sum(dy * y))
"""

import numpy as np

from kernels.arrays import HostArray
from kernels.operations import Softmax


class ReferenceSoftmax(Softmax[HostArray]):
    """Keeps nothing."""

    def forward(self, z: HostArray, y: HostArray) -> None:
        e = np.exp(z - z.max(axis=-1, keepdims=True))
        y[...] = e / e.sum(axis=-1, keepdims=True)  # (1)

    def backward(self, kept: HostArray, dy: HostArray, dz: HostArray) -> None:
        dz[...] = kept * (dy - (dy * kept).sum(axis=-1, keepdims=True))  # (1)
