"""Pooling over windows of one, two or three axes: what MaxPooling and AveragePooling share."""

from collections.abc import Sequence
from typing import Any

from engine.layers.arguments import DATA_FORMATS, checked_padding
from engine.layers.layer import BoundLayer, Narrow
from engine.layers.spatial import AXES, BoundOperation, Movie, SpatialLayer
from engine.support.validation import int_tuple, one_of
from kernels import Backend
from kernels.arrays import Array
from kernels.operations import MaxPooling, Resampling
from kernels.specs import MaxPoolingSpec, Padding, ResamplingSpec, convolution_length
from kernels.specs.resampling import averages

POOLING_OF_KERAS_1 = {"border_mode": "padding", "pool_length": "pool_size", "stride": "strides"}
"""Keras 1's names of a pooling's arguments."""


class Pooling(SpatialLayer):
    """Base of MaxPooling and AveragePooling, with Keras' arguments in Keras' order.

    Each documents its arguments, which are the same but for their number of axes.
    """

    def __init__(
        self,
        pool_size: int | Sequence[int] = 2,
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(name, input_shape, batch_input_shape, trainable)
        self.pool_size = int_tuple("pool_size", pool_size, self.rank)
        self.strides = self.pool_size if strides is None else int_tuple("strides", strides, self.rank)
        self.padding: Padding = checked_padding(padding, ["valid", "same"])
        self.data_format = one_of("data_format", data_format, DATA_FORMATS) or "channels_last"

    @property
    def can_stream(self) -> bool:
        each_alone = self.triple(self.pool_size)[0] == self.triple(self.strides)[0] == 1
        return each_alone and self.data_format == "channels_last"

    @property
    def looks_ahead(self) -> bool:
        return self.triple(self.pool_size)[0] > 1

    def length(self, axis: int, n: int | None) -> int | None:
        if n is None:
            return None
        size = self.pool_size[axis]
        length = convolution_length(n, size, self.strides[axis], 1, self.padding)
        if length < 1:
            raise ValueError(
                f"pool_size: a window of {size} with padding='valid' does not fit into {n} {AXES[axis - self.rank]}; "
                "use padding='same' or larger frames"
            )
        return length

    def get_config(self) -> dict[str, Any]:
        return {
            "pool_size": list(self.pool_size),
            "strides": list(self.strides),
            "padding": self.padding,
            "data_format": self.data_format,
            **super().get_config(),
        }


class MaxPoolingLayer(Pooling):
    """Base of MaxPooling1D, MaxPooling2D and MaxPooling3D."""

    def bind_movie(
        self, backend: Backend, movie: Movie, batch: int, training: bool, logits: bool, narrow: Narrow
    ) -> BoundLayer:
        window, strides = self.triple(self.pool_size), self.triple(self.strides)
        return BoundOperation(maxima(backend, movie, batch, training, window, strides, self.padding))


class AveragePoolingLayer(Pooling):
    """Base of AveragePooling1D, AveragePooling2D and AveragePooling3D."""

    def bind_movie(
        self, backend: Backend, movie: Movie, batch: int, training: bool, logits: bool, narrow: Narrow
    ) -> BoundLayer:
        window, strides = self.triple(self.pool_size), self.triple(self.strides)
        return BoundOperation(means(backend, movie, batch, training, window, strides, self.padding))


def maxima(
    backend: Backend,
    movie: Movie,
    batch: int,
    training: bool,
    window: tuple[int, int, int],
    strides: tuple[int, int, int],
    padding: Padding,
) -> MaxPooling[Array]:
    """Max pooling of movies (T,B,H,W,C) by the back end."""
    frames, height, width, channels = movie
    spec = MaxPoolingSpec(frames, batch, height, width, channels, window, strides, padding, training)
    operation: MaxPooling[Array] = backend.max_pooling(spec)
    return operation


def means(
    backend: Backend,
    movie: Movie,
    batch: int,
    training: bool,
    window: tuple[int, int, int],
    strides: tuple[int, int, int],
    padding: Padding,
) -> Resampling[Array]:
    """Average pooling of movies (T,B,H,W,C) by the back end; padding does not count."""
    frames, rows, columns = (
        averages(n, k, stride, padding) for n, k, stride in zip(movie[:3], window, strides, strict=True)
    )
    operation: Resampling[Array] = backend.resampling(
        ResamplingSpec(batch, movie[3], frames, rows, columns, training)
    )  # fmt: skip
    return operation
