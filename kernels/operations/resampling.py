"""Resampling in time, height and width: average pooling, and up-sampling by repetition and interpolation."""

from abc import ABC, abstractmethod
from typing import Generic

from kernels.arrays import ArrayT


class Resampling(ABC, Generic[ArrayT]):
    """A linear map of each axis of space and time by itself; bound to a ResamplingSpec, which has the weights.

        y[p] = sum over q of frames[p_t, q_t] * rows[p_h, q_h] * columns[p_w, q_w] * x[q]

    Shapes: x (T,B,H,W,C), y (T',B,H',W',C).
    """

    @abstractmethod
    def forward(self, x: ArrayT) -> ArrayT:
        """Return y."""

    @abstractmethod
    def backward(self, dy: ArrayT) -> ArrayT:
        """Return dx[q] = sum over p of frames[p_t, q_t] * rows[p_h, q_h] * columns[p_w, q_w] * dy[p].

        The spec has training=True; any dy will do, and backward may come without forward.
        """
