"""Broadcasting in NumPy.

Forward:   (1)  y[i, j, ...] = x[i or 0, j or 0, ...]            Backward:  dx = sum of dy over the axes where x has 1
"""

from kernels.arrays import HostArray
from kernels.operations import Broadcast
from kernels.operations.broadcast import split_axes


class ReferenceBroadcast(Broadcast[HostArray]):
    """NumPy's own broadcasting, and its sum."""

    def __init__(self, x_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> None:
        split_axes(x_shape, y_shape)
        self._summed = tuple(k for k, (n, wide) in enumerate(zip(x_shape, y_shape, strict=True)) if n != wide)

    def forward(self, x: HostArray, y: HostArray) -> None:
        y[...] = x

    def add(self, x: HostArray, y: HostArray) -> None:
        y += x

    def backward(self, dy: HostArray, dx: HostArray) -> None:
        dx[...] = dy.sum(axis=self._summed, keepdims=True)  # (1)
