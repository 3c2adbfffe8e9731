"""Pooling over all frames, rows and columns: what GlobalMaxPooling and GlobalAveragePooling share."""

from typing import Any

from engine.layers.arguments import DATA_FORMATS
from engine.layers.layer import BoundLayer, Narrow
from engine.layers.pooling.pooling import maxima, means
from engine.layers.spatial import BoundOperation, Movie, SpatialLayer
from engine.layers.weight import Shape
from engine.support.validation import boolean, one_of
from kernels import Backend


class GlobalPooling(SpatialLayer):
    """Base of GlobalMaxPooling and GlobalAveragePooling, with Keras' arguments in Keras' order.

    Each documents its arguments, which are the same.
    """

    def __init__(
        self,
        data_format: str | None = None,
        keepdims: bool = False,
        name: str | None = None,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(name, input_shape, batch_input_shape, trainable)
        self.data_format = one_of("data_format", data_format, DATA_FORMATS) or "channels_last"
        self.keepdims = boolean("keepdims", keepdims)

    def length(self, axis: int, n: int | None) -> int:
        return 1

    def output_shape(self, shape: Shape) -> Shape:
        self._check_rank(shape)
        if len(shape) != self.rank + 1:
            raise ValueError(
                f"{self.name}: expected an input of {self.rank + 2} axes with that of the movies, and its input has "
                f"shape {(None, *shape)}"
            )
        return super().output_shape(shape) if self.keepdims else (shape[self._channel_axis],)

    def get_config(self) -> dict[str, Any]:
        return {"data_format": self.data_format, "keepdims": self.keepdims, **super().get_config()}


class GlobalMaxPoolingLayer(GlobalPooling):
    """Base of GlobalMaxPooling1D, GlobalMaxPooling2D and GlobalMaxPooling3D."""

    def bind_movie(
        self, backend: Backend, movie: Movie, batch: int, training: bool, logits: bool, narrow: Narrow
    ) -> BoundLayer:
        whole = movie[:3]
        return BoundOperation(maxima(backend, movie, batch, training, whole, whole, "valid"))


class GlobalAveragePoolingLayer(GlobalPooling):
    """Base of GlobalAveragePooling1D, GlobalAveragePooling2D and GlobalAveragePooling3D."""

    def bind_movie(
        self, backend: Backend, movie: Movie, batch: int, training: bool, logits: bool, narrow: Narrow
    ) -> BoundLayer:
        whole = movie[:3]
        return BoundOperation(means(backend, movie, batch, training, whole, whole, "valid"))
