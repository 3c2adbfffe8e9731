"""SpaceToDepth and DepthToSpace, as ONNX has them, with a Pad where rows and columns come or go."""

from typing import Any

import numpy as np

from engine.layers import DepthToSpace, SpaceToDepth
from export.graph_builder import GraphBuilder
from export.layers.frame_layer import FrameLayer, Size, nodes_for


@nodes_for(SpaceToDepth)
class SpaceToDepthNodes(FrameLayer):
    """(N,C,H,W) -> (N,factor^2 C,H/factor,W/factor)."""

    def __init__(self, layer: Any, channels: int, size: Size, rank: int) -> None:
        super().__init__(layer.name, channels, size)
        self._factor, self.channels_out = layer.factor, channels * layer.factor**2
        rows, columns = size
        if isinstance(rows, int) and isinstance(columns, int):
            self._borders = layer.borders(rows, columns)
            height, width, _ = layer.output_shape((rows, columns, channels))
            self.size_out = height, width
            return
        if layer.factor > 1:
            raise ValueError(
                f"layer {layer.name!r}: blocks of pixels make frames smaller: expected a network with height and width "
                "in its input_shape, exported without dynamic_size"
            )
        self._borders = 0, 0

    def frame(self, graph: GraphBuilder, x: str) -> str:
        with graph.scope(self.name):
            x = _padded(graph, x, *self._borders)
            return graph.node("SpaceToDepth", x, name="blocks", blocksize=self._factor)


@nodes_for(DepthToSpace)
class DepthToSpaceNodes(FrameLayer):
    """(N,factor^2 C,H,W) -> (N,C,factor H,factor W)."""

    def __init__(self, layer: Any, channels: int, size: Size, rank: int) -> None:
        super().__init__(layer.name, channels, size)
        self._factor, self._cropping = layer.factor, layer.cropping
        rows, columns = size
        if not isinstance(rows, int) or not isinstance(columns, int):
            raise ValueError(
                f"layer {layer.name!r}: blocks of pixels make frames larger: expected a network with height and width "
                "in its input_shape, exported without dynamic_size"
            )
        height, width, channels_out = layer.output_shape((rows, columns, channels))
        self.channels_out, self.size_out = channels_out, (height, width)

    def frame(self, graph: GraphBuilder, x: str) -> str:
        rows, columns = self._cropping
        with graph.scope(self.name):
            y = graph.node("DepthToSpace", x, name="pixels", blocksize=self._factor, mode="DCR")
            return _padded(graph, y, -rows, -columns)


def _padded(graph: GraphBuilder, x: str, below: int, right: int) -> str:
    """x (N,C,H,W) with rows and columns more, or less, at the end."""
    if not below and not right:
        return x
    pads = np.array([0, 0, 0, 0, 0, 0, below, right], np.int64)
    return graph.node("Pad", x, graph.constant("pads", pads), name="padded")
