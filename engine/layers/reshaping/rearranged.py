"""A batch in another shape or order of axes: a view where memory stays as it is, else one permutation or two."""

from abc import abstractmethod
from collections.abc import Sequence

from engine.layers.layer import WIDE, BoundLayer, Layer, Narrow
from engine.layers.reshaping.moved import Moved
from engine.layers.weight import back_end_axis, time_major
from kernels import Backend
from kernels.arrays import Array
from kernels.operations import ConvLSTM

Axes = tuple[int, ...]

IN_PLACE: Axes = (0, 1, 2, 3, 4)
"""The order that leaves all axes where they are."""

SWAPPED: Axes = (1, 0, 2, 3, 4)
"""Movies before frames, from frames before movies, and back."""


def batch_major(dims: Sequence[int]) -> Axes:
    """The order of a time-major array's axes that brings the batch's to the front, and then those of its shape.

    dims: the order of the latter, such as 0, 1, 2 for a shape of three sizes as it is.
    """
    chosen = [back_end_axis(len(dims), dim) for dim in dims]
    return *(axis for axis in IN_PLACE if axis not in chosen), *chosen


class RearrangingLayer(Layer):
    """Base of the layers that compute nothing. A subclass defines `output_shape` and `orders`."""

    @abstractmethod
    def orders(self, shape: tuple[int, ...], batch: int) -> tuple[Axes, Axes, Axes]:
        """Say how a batch of this shape is rearranged: `into`, `middle` and `out` of Rearranged."""

    def bind(
        self,
        backend: Backend,
        shape: tuple[int, ...],
        batch: int,
        training: bool,
        logits: bool = False,
        narrow: Narrow = WIDE,
        source: ConvLSTM[Array] | None = None,
    ) -> BoundLayer:
        self.output_shape(shape)
        return Rearranged(backend, time_major(shape, batch), training, *self.orders(shape, batch))


class Rearranged(BoundLayer):
    """Puts the axes of x (T,B,H,W,C) in the order `into`, gives that the shape `middle`, and orders its axes by `out`.

    Backward undoes each. What moves no axis but those of size 1 is a view.
    """

    def __init__(self, backend: Backend, x_shape: Axes, training: bool, into: Axes, middle: Axes, out: Axes) -> None:
        self._x_shape, self._middle = x_shape, middle
        self._ordered, self._y_shape = (
            tuple(shape[axis] for axis in axes) for shape, axes in ((x_shape, into), (middle, out))
        )
        self._into = _moved(backend, x_shape, into, training)
        self._out = _moved(backend, middle, out, training)

    def forward(self, x: Array) -> Array:
        if self._into is not None:
            x = self._into.forward(x)
        y = x.reshape(self._middle)
        return y.reshape(self._y_shape) if self._out is None else self._out.forward(y)

    def backward(self, dy: Array, need_dx: bool) -> Array | None:
        if not need_dx:
            return None
        if self._out is not None:
            dy = self._out.back(dy)
        dx = dy.reshape(self._ordered)
        return dx.reshape(self._x_shape) if self._into is None else self._into.back(dx)


def _moved(backend: Backend, x_shape: Axes, axes: Axes, training: bool) -> Moved | None:
    """The permutation, unless it leaves memory as it is."""
    longer = [axis for axis in axes if x_shape[axis] > 1]
    if longer == sorted(longer):
        return None
    y_shape = tuple(x_shape[axis] for axis in axes)
    return Moved(backend, backend.permute(axes), x_shape, y_shape, training)
