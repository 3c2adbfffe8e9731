"""UpSampling as ONNX's Resize; what Resize has not, as products with the matrices of rows and of columns."""

from typing import Any

import numpy as np

from engine.layers import UpSampling1D, UpSampling2D, UpSampling3D
from export.graph_builder import GraphBuilder
from export.layers.frame_layer import FrameLayer, Size, nodes_for
from export.layers.product import framewise_size
from kernels.arrays import HostArray

_RESIZE: dict[str, dict[str, Any]] = {
    "nearest": {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
    "bilinear": {"mode": "linear", "coordinate_transformation_mode": "half_pixel"},
}


@nodes_for(UpSampling1D)
@nodes_for(UpSampling2D)
@nodes_for(UpSampling3D)
class UpSamplingNodes(FrameLayer):
    """Larger frames, and more of them where the factor of time says so."""

    def __init__(self, layer: Any, channels: int, size: Size, rank: int) -> None:
        super().__init__(layer.name, channels, size)
        self._layer, self._factors = layer, layer.triple(layer.size)
        self._interpolation: str = getattr(layer, "interpolation", "nearest")
        self.needs_movies = self.looks_ahead = self._factors[0] > 1
        self.size_out = framewise_size(layer, channels, size)

    def frame(self, graph: GraphBuilder, x: str) -> str:
        if self.needs_movies:
            raise ValueError(f"layer {self.name!r}: more frames need whole movies: expected graph='sequence'")
        with graph.scope(self.name):
            if self._interpolation in _RESIZE:
                return self._resized(graph, x, [1.0, 1.0, *self._factors[1:]])
            rows, columns = (self._matrix(axis) for axis in (0, 1))
            tall = graph.node("MatMul", graph.constant("rows", rows), x, name="tall")
            return graph.node("MatMul", tall, graph.constant("columns", columns.T), name="larger")

    def over_movies(self, graph: GraphBuilder, x: str) -> str:
        with graph.scope(self.name):
            return self._resized(graph, x, [self._factors[0], 1.0, 1.0, *self._factors[1:]])

    def _resized(self, graph: GraphBuilder, x: str, factors: list[float]) -> str:
        scales = graph.constant("scales", np.array(factors, np.float32), np.float32)
        return graph.node("Resize", x, "", scales, name="larger", **_RESIZE[self._interpolation])

    def _matrix(self, axis: int) -> HostArray:
        """The interpolation along rows or columns, whose number framewise_size has found to be known."""
        matrix: HostArray = self._layer.weights_along(self.size[axis], self._factors[1 + axis]).matrix
        return matrix
