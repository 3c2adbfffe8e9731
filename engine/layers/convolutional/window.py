"""What layers share whose kernels slide over their input: the axes that they slide over, and sizes along them."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.layers.arguments import DATA_FORMATS, check_movie_rank, checked_padding, strides_and_dilation
from engine.layers.layer import WIDE, BoundLayer, Narrow
from engine.layers.permuted import PermutedLayer
from engine.layers.product import GivenRules, ProductLayer
from engine.layers.weight import Shape, known, time_major
from engine.support.validation import int_tuple, one_of
from kernels import Backend
from kernels.activations import SOFTMAX
from kernels.arrays import Array
from kernels.operations import ConvLSTM
from kernels.specs import Padding

Movie = tuple[int, int, int, int]
"""Frames, height, width and channels of a channels-last input, ones for the axes that it has not."""

AXES = ("frames", "rows", "columns")


class WindowLayer(ProductLayer):
    """Base of layers whose window slides over the last `rank` axes but the channels'.

    Axes in front of those, such as the frames in front of a Conv2D's rows and columns, are more inputs, each with the
    same kernel, as in Keras 2.

    Args:
        kernel_size, strides, padding, data_format, dilation_rate: Keras', for `rank` axes.
        activation, use_bias, activity_regularizer, rules, common: as for ProductLayer.

    Attributes:
        rank: axes that the window slides over, 1 to 3.
        paddings: what `padding` may be.
    """

    rank: ClassVar[int]
    paddings: ClassVar[tuple[Padding, ...]] = ("valid", "same")

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int],
        padding: str,
        data_format: str | None,
        dilation_rate: int | Sequence[int],
        activation: Any,
        use_bias: bool,
        activity_regularizer: None,
        rules: Mapping[str, GivenRules],
        **common: Any,
    ) -> None:
        super().__init__(activation, use_bias, activity_regularizer, rules, **common)
        self.kernel_size = int_tuple("kernel_size", kernel_size, self.rank)
        self.strides, self.dilation_rate = strides_and_dilation(strides, dilation_rate, self.rank)
        self.padding: Padding = checked_padding(padding, list(self.paddings))
        self.data_format: str = one_of("data_format", data_format, DATA_FORMATS) or "channels_last"
        if self.data_format == "channels_first" and self.activation == SOFTMAX:
            raise ValueError(
                "activation: softmax with data_format='channels_first' would not be over channels, in Keras neither; "
                "add a Softmax(axis=1)"
            )

    # ---------------------------------------------------------------- shapes

    @abstractmethod
    def channels_after(self, channels: int | None) -> int | None:
        """Channels of the output, for so many of the input (None: not known)."""

    @abstractmethod
    def length(self, axis: int, n: int | None) -> int | None:
        """Outputs along an axis of the window, for n inputs (None: any); ValueError where the window does not fit."""

    def channels(self, shape: Shape) -> int:
        self._check_rank(shape)
        channels = shape[self._channel_axis]
        if channels is None:
            raise ValueError(f"input_shape: the channels of {self.name}'s input must be known, got {shape}")
        return channels

    def output_shape(self, shape: Shape) -> Shape:
        self._check_rank(shape)
        *sizes, channels = self._channels_last(shape)
        leading, window = sizes[: -self.rank], sizes[-self.rank :]
        lengths = (self.length(axis, n) for axis, n in enumerate(window))
        return self._in_data_format((*leading, *lengths, self.channels_after(channels)))

    def shape_for_weights(self, shapes: Sequence[tuple[int, ...]]) -> Shape:
        return self._in_data_format((*(None,) * self.rank, self.channels_before(shapes)))

    @abstractmethod
    def channels_before(self, shapes: Sequence[tuple[int, ...]]) -> int:
        """Channels of the input that weights of these shapes take."""

    def movie(self, shape: Shape) -> Shape:
        """A shape of this layer's data format as (frames, height, width, channels)."""
        return *(1,) * (4 - len(shape)), *self._channels_last(shape)

    def triple(self, sizes: Sequence[int]) -> tuple[int, int, int]:
        """Sizes of the window's axes as frames, rows and columns, ones for the axes that it does not slide over."""
        frames, rows, columns = (*(1,) * (3 - self.rank), *sizes)
        return frames, rows, columns

    # ---------------------------------------------------------------- time

    @property
    def looks_ahead(self) -> bool:
        return self.padding != "causal" and self.triple(self.kernel_size)[0] > 1

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
        before, channels_axis, window = _AXES[:first], _AXES[first], _AXES[first + 1 :]
        into = _with_movies((*before, *window, channels_axis))
        out = _with_movies((*before, _AXES[-1], *_AXES[first:-1]))
        y_shape = time_major(known(self.movie(self.output_shape(shape))), batch)
        return PermutedLayer(backend, inner, into, out, time_major(shape, batch), y_shape)

    def window_config(self) -> dict[str, Any]:
        """kernel_size, strides, padding, data_format and dilation_rate, JSON-able."""
        return {
            "kernel_size": list(self.kernel_size),
            "strides": list(self.strides),
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": list(self.dilation_rate),
        }

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


_AXES = (0, 2, 3, 4)
"""The axes of an array (T,B,H,W,C) but that of the movies."""


def _with_movies(axes: tuple[int, ...]) -> tuple[int, ...]:
    return axes[0], 1, *axes[1:]
