"""SpaceToDepth and DepthToSpace, as ONNX has them, with a Pad where rows and columns come or go."""

from typing import Any

import numpy as np

from engine.layers import DepthToSpace, SpaceToDepth
from export.graph_builder import GraphBuilder
from export.layers.frame_layer import FrameLayer, Size, nodes_for
from export.layers.layouts import divided, multiplied


@nodes_for(SpaceToDepth)
class SpaceToDepthNodes(FrameLayer):
    """(N,C,H,W) -> (N,factor^2 C,H/factor,W/factor)."""

    def __init__(self, layer: Any, channels: int, size: Size, rank: int) -> None:
        super().__init__(layer.name, channels, size)
        self._factor, self.channels_out = layer.factor, channels * layer.factor**2
        rows, columns = size
        self._borders = 0, 0
        if isinstance(rows, int) and isinstance(columns, int):
            self._borders = layer.borders(rows, columns)
            rows, columns = rows + self._borders[0], columns + self._borders[1]
        elif layer.padding == "same":
            raise ValueError(
                f"layer {layer.name!r}: padding='same' adds what the size of frames asks for: expected a network with "
                "height and width in its input_shape, exported without dynamic_size, or padding='valid'"
            )
        self.size_out = divided(rows, layer.factor), divided(columns, layer.factor)

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
        self.channels_out = channels // layer.factor**2
        try:
            rows, columns = (multiplied(length, layer.factor) for length in size)
        except ValueError:
            rows = columns = ""
        below, right = layer.cropping
        if (below and isinstance(rows, str)) or (right and isinstance(columns, str)) or rows == "":
            raise ValueError(
                f"layer {layer.name!r}: it makes frames of another size than those that go in: expected a network with "
                "height and width in its input_shape, exported without dynamic_size"
            )
        self.size_out = (
            rows if isinstance(rows, str) else rows - below,
            columns if isinstance(columns, str) else columns - right,
        )

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
