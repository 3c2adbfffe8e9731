"""Shapes that broadcast, and an input of a merge repeated to the size of its output."""

from collections.abc import Sequence

from engine.layers.weight import NOT_THERE, Shape
from kernels import Backend
from kernels.arrays import Array


def broadcast_shape(name: str, shapes: Sequence[Shape]) -> Shape:
    """The shape that all of these broadcast to, aligned at their last sizes.

    A size is None where one of its sizes is, and no other says more than 1. Raises ValueError naming the layer: they do
    not fit.
    """
    rank = max(len(shape) for shape in shapes)
    found: list[int | None] = []
    for sizes in zip(*((*(1,) * (rank - len(shape)), *shape) for shape in shapes), strict=True):
        longer = {size for size in sizes if size not in (1, None)}
        if len(longer) > 1:
            texts = ", ".join(str((None, *shape)) for shape in shapes)
            raise ValueError(f"{name}: expected inputs of one shape, or that broadcast to one, got {texts}")
        found.append(longer.pop() if longer else None if None in sizes else 1)
    return tuple(found)


class Widened:
    """An input of x_shape as an array of y_shape, and the gradient of that as the input's."""

    def __init__(self, backend: Backend, x_shape: tuple[int, ...], y_shape: tuple[int, ...], training: bool) -> None:
        self._broadcast = None
        if x_shape != y_shape:
            self._broadcast, self._y = backend.broadcast(x_shape, y_shape), backend.empty(y_shape)
            self._dx = backend.empty(x_shape) if training else NOT_THERE

    def forward(self, x: Array) -> Array:
        """x, or a wider copy."""
        if self._broadcast is None:
            return x
        self._broadcast.forward(x, self._y)
        return self._y

    def backward(self, dy: Array) -> Array:
        """dy, or the sums of it."""
        if self._broadcast is None:
            return dy
        self._broadcast.backward(dy, self._dx)
        return self._dx
