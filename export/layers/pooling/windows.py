"""MaxPooling and AveragePooling as ONNX's MaxPool and AveragePool: over frames, or over whole movies."""

from typing import Any, ClassVar

from engine.layers import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)
from export.graph_builder import GraphBuilder
from export.layers.frame_layer import FrameLayer, Size, nodes_for
from export.layers.product import framewise_size


class PoolingNodes(FrameLayer):
    """A pooling of each frame, or of all frames at once where a window sees several.

    Attributes:
        operator: of ONNX.
    """

    operator: ClassVar[str]

    def __init__(self, layer: Any, channels: int, size: Size, rank: int) -> None:
        super().__init__(layer.name, channels, size)
        self._padding = layer.padding
        self._window, self._strides = layer.triple(layer.pool_size), layer.triple(layer.strides)
        self.needs_movies = self._window[0] > 1 or self._strides[0] > 1
        self.looks_ahead = self.needs_movies
        self.size_out = framewise_size(layer, channels, size, frames=self._window[0])

    def frame(self, graph: GraphBuilder, x: str) -> str:
        if self.needs_movies:
            raise ValueError(f"layer {self.name!r}: pooling over time needs whole movies: expected graph='sequence'")
        with graph.scope(self.name):
            return graph.node(self.operator, x, name="pooled", **self._attributes(1))

    def over_movies(self, graph: GraphBuilder, x: str) -> str:
        with graph.scope(self.name):
            movies = graph.node("Transpose", x, name="movies_first", perm=[1, 2, 0, 3, 4])
            y = graph.node(self.operator, movies, name="pooled", **self._attributes(0))
            return graph.node("Transpose", y, name="time_first", perm=[2, 0, 1, 3, 4])

    def _attributes(self, first: int) -> dict[str, Any]:
        """Attributes for the axes from this one of (frames, rows, columns) on."""
        attributes: dict[str, Any] = {"kernel_shape": self._window[first:], "strides": self._strides[first:]}
        return attributes if self._padding == "valid" else attributes | {"auto_pad": "SAME_UPPER"}


@nodes_for(MaxPooling1D)
@nodes_for(MaxPooling2D)
@nodes_for(MaxPooling3D)
class MaxPoolingNodes(PoolingNodes):
    """The largest number of each window."""

    operator = "MaxPool"


@nodes_for(AveragePooling1D)
@nodes_for(AveragePooling2D)
@nodes_for(AveragePooling3D)
class AveragePoolingNodes(PoolingNodes):
    """The mean of each window; padding does not count."""

    operator = "AveragePool"
