"""Max pooling."""

from abc import ABC, abstractmethod
from typing import Generic

from kernels.arrays import ArrayT


class MaxPooling(ABC, Generic[ArrayT]):
    """The largest number of each window; bound to a MaxPoolingSpec, which has the rule of windows.

        y[p] = max of x[q] over the window of p

    Shapes: x (T,B,H,W,C), y (T',B,H',W',C).
    """

    @abstractmethod
    def forward(self, x: ArrayT) -> ArrayT:
        """Return y. Where the spec has training=True, it keeps which position was the first largest of each window."""

    @abstractmethod
    def backward(self, dy: ArrayT) -> ArrayT:
        """Return dx: each dy[p] goes to the first largest position of its window, as in TensorFlow.

        Of the forward pass before; the spec has training=True.
        """
