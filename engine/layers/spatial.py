"""What layers share that work along frames, rows and columns: the axes, either data format, and sizes along them."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from engine.layers.arguments import check_movie_rank
from engine.layers.layer import WIDE, BoundLayer, Layer, Narrow
from engine.layers.permuted import PermutedLayer
from engine.layers.weight import Shape, known, time_major
from kernels import Backend
from kernels.arrays import Array
from kernels.operations import ConvLSTM, MaxPooling, Resampling

Movie = tuple[int, int, int, int]
"""Frames, height, width and channels of a channels-last input, ones for the axes that it has not."""

AXES = ("frames", "rows", "columns")


class SpatialLayer(Layer):
    """Base of layers that work along the last `rank` axes but the channels'.

    Axes in front of those, such as the frames in front of a Conv2D's rows and columns, are more inputs, each by itself,
    as in Keras 2.

    Attributes:
        rank: axes that the layer works along, 1 to 3.
        data_format: 'channels_last' or 'channels_first'.
    """

    rank: ClassVar[int]
    data_format: str

    # ---------------------------------------------------------------- shapes

    def channels_after(self, channels: int | None) -> int | None:
        """Channels of the output, for so many of the input (None: not known); default: as many."""
        return channels

    @abstractmethod
    def length(self, axis: int, n: int | None) -> int | None:
        """Outputs along an axis, for n inputs (None: any); ValueError where the layer cannot take so few."""

    def output_shape(self, shape: Shape) -> Shape:
        self._check_rank(shape)
        *sizes, channels = self._channels_last(shape)
        leading, along = sizes[: -self.rank], sizes[-self.rank :]
        lengths = (self.length(axis, n) for axis, n in enumerate(along))
        return self._in_data_format((*leading, *lengths, self.channels_after(channels)))

    def movie(self, shape: Shape) -> Shape:
        """A shape of this layer's data format as (frames, height, width, channels)."""
        return *(1,) * (4 - len(shape)), *self._channels_last(shape)

    def triple(self, sizes: Sequence[int]) -> tuple[int, int, int]:
        """Numbers of the layer's axes as frames, rows and columns, ones for the axes that it does not work along."""
        frames, rows, columns = (*(1,) * (3 - self.rank), *sizes)
        return frames, rows, columns

    # ---------------------------------------------------------------- binding

    @abstractmethod
    def bind_movie(
        self, backend: Backend, movie: Movie, batch: int, training: bool, logits: bool, narrow: Narrow
    ) -> BoundLayer:
        """bind for channels-last arrays, (frames, height, width, channels)."""

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
        frames, height, width, channels = known(self.movie(shape))
        inner = self.bind_movie(backend, (frames, height, width, channels), batch, training, logits, narrow)
        if self.data_format == "channels_last":
            return inner
        first = 3 - self.rank
        before, channels_axis, along = _AXES[:first], _AXES[first], _AXES[first + 1 :]
        into = _with_movies((*before, *along, channels_axis))
        out = _with_movies((*before, _AXES[-1], *_AXES[first:-1]))
        made = known(self.output_shape(shape))
        if len(made) > self.rank:
            y_shape = time_major(known(self.movie(made)), batch)
        else:  # of all axes but the channels' nothing is left, and they come last
            out, y_shape = (0, 1, 2, 3, 4), time_major(made, batch)
        return PermutedLayer(backend, inner, into, out, time_major(shape, batch), y_shape)

    def _check_rank(self, shape: Shape) -> None:
        if self.rank == 3:
            check_movie_rank(self.name, shape)
        if len(shape) <= self.rank:
            raise ValueError(
                f"{self.name}: expected an input of at least {self.rank + 2} axes with that of the movies, and its "
                f"input has shape {(None, *shape)}"
            )

    @property
    def _channel_axis(self) -> int:
        return -1 if self.data_format == "channels_last" else -1 - self.rank

    def _channels_last(self, shape: Shape) -> Shape:
        sizes = list(shape)
        channels = sizes.pop(self._channel_axis)
        return *sizes, channels

    def _in_data_format(self, shape: Shape) -> Shape:
        *sizes, channels = shape
        sizes.insert(len(shape) + self._channel_axis, channels)
        return tuple(sizes)


class BoundOperation(BoundLayer):
    """An operation without weights as a layer."""

    def __init__(self, operation: MaxPooling[Array] | Resampling[Array]) -> None:
        self._operation = operation

    def forward(self, x: Array) -> Array:
        return self._operation.forward(x)

    def backward(self, dy: Array, need_dx: bool) -> Array | None:
        return self._operation.backward(dy) if need_dx else None


_AXES = (0, 2, 3, 4)
"""The axes of an array (T,B,H,W,C) but that of the movies."""


def _with_movies(axes: tuple[int, ...]) -> tuple[int, ...]:
    return axes[0], 1, *axes[1:]
