"""A bound layer between two changes of its axes' order: channels_first, and BatchNormalization of any axis."""

import numpy as np

from engine.layers.layer import BoundLayer
from kernels import Backend
from kernels.arrays import Array

Axes = tuple[int, ...]

AS_IT_IS: Axes = (0, 1, 2, 3, 4)
"""The order of axes that changes nothing."""


class ChangedAxes:
    """One array with its axes in another order, and its gradient in the order before; has memory for both.

    Args:
        axes: axis k of what forward gives is axis axes[k] of what it is given; AS_IT_IS passes arrays through.
        shape: of what forward is given.
    """

    def __init__(self, backend: Backend, axes: Axes, shape: tuple[int, ...]) -> None:
        self._permute = None if axes == AS_IT_IS else backend.permute(axes)
        if self._permute is not None:
            self._there, self._back = backend.empty(tuple(shape[axis] for axis in axes)), backend.empty(shape)

    def forward(self, x: Array) -> Array:
        """x -> y."""
        if self._permute is None:
            return x
        self._permute.forward(x, self._there)
        return self._there

    def backward(self, dy: Array) -> Array:
        """dy -> dx."""
        if self._permute is None:
            return dy
        self._permute.backward(dy, self._back)
        return self._back


class PermutedLayer(BoundLayer):
    """Runs `inner` on x with its axes in the order `into`, and gives its output in the order `out`.

    Args:
        x_shape: of this layer's input; y_shape: of inner's output.
    """

    def __init__(
        self, backend: Backend, inner: BoundLayer, into: Axes, out: Axes, x_shape: Axes, y_shape: Axes
    ) -> None:
        self._inner = inner
        self._into, self._out = ChangedAxes(backend, into, x_shape), ChangedAxes(backend, out, y_shape)

    def forward(self, x: Array) -> Array:
        return self._out.forward(self._inner.forward(self._into.forward(x)))

    def backward(self, dy: Array, need_dx: bool) -> Array | None:
        dx = self._inner.backward(self._out.backward(dy), need_dx)
        return None if dx is None else self._into.backward(dx)

    def keep_state(self, keep: bool) -> None:
        self._inner.keep_state(keep)

    def draw(self, random: np.random.Generator) -> None:
        self._inner.draw(random)
