"""A bound layer between two changes of its axes' order: channels_first, and BatchNormalization of any axis."""

import numpy as np

from engine.layers.layer import BoundLayer
from kernels import Backend
from kernels.arrays import Array

Axes = tuple[int, ...]


class PermutedLayer(BoundLayer):
    """Runs `inner` on x with its axes in the order `into`, and gives its output in the order `out`.

    Args:
        x_shape: of this layer's input; y_shape: of inner's output.
    """

    def __init__(
        self, backend: Backend, inner: BoundLayer, into: Axes, out: Axes, x_shape: Axes, y_shape: Axes
    ) -> None:
        self._inner, self._into, self._out = inner, backend.permute(into), backend.permute(out)
        self._x = backend.empty(tuple(x_shape[axis] for axis in into))
        self._y = backend.empty(tuple(y_shape[axis] for axis in out))
        self._dy, self._dx = backend.empty(y_shape), backend.empty(x_shape)

    def forward(self, x: Array) -> Array:
        self._into.forward(x, self._x)
        self._out.forward(self._inner.forward(self._x), self._y)
        return self._y

    def backward(self, dy: Array, need_dx: bool) -> Array | None:
        self._out.backward(dy, self._dy)
        dx = self._inner.backward(self._dy, need_dx)
        if dx is None:
            return None
        self._into.backward(dx, self._dx)
        return self._dx

    def keep_state(self, keep: bool) -> None:
        self._inner.keep_state(keep)

    def draw(self, random: np.random.Generator) -> None:
        self._inner.draw(random)
