"""Zero padding and cropping as ONNX's Pad, which takes away where its pads are negative."""

from typing import Any

import numpy as np

from engine.layers import Cropping1D, Cropping2D, Cropping3D, ZeroPadding1D, ZeroPadding2D, ZeroPadding3D
from export.graph_builder import GraphBuilder
from export.layers.frame_layer import FrameLayer, Size, nodes_for


@nodes_for(Cropping1D)
@nodes_for(Cropping2D)
@nodes_for(Cropping3D)
@nodes_for(ZeroPadding1D)
@nodes_for(ZeroPadding2D)
@nodes_for(ZeroPadding3D)
class BorderNodes(FrameLayer):
    """Positions added to rows and columns or taken away, frame by frame; frames themselves only of whole movies."""

    def __init__(self, layer: Any, channels: int, size: Size, rank: int) -> None:
        super().__init__(layer.name, channels, size)
        given = [[layer.sign * n for n in pair] for pair in layer.borders]
        self._borders = [[0, 0]] * (3 - layer.rank) + given
        self.needs_movies = self._borders[0] != [0, 0]
        self.size_out = _longer(layer, size[0], self._borders[1]), _longer(layer, size[1], self._borders[2])

    def frame(self, graph: GraphBuilder, x: str) -> str:
        return self._pad(graph, x, [[0, 0], [0, 0], *self._borders[1:]])

    def over_movies(self, graph: GraphBuilder, x: str) -> str:
        frames, rows, columns = self._borders
        return self._pad(graph, x, [frames, [0, 0], [0, 0], rows, columns])

    def _pad(self, graph: GraphBuilder, x: str, borders: list[list[int]]) -> str:
        with graph.scope(self.name):
            return graph.node("Pad", x, graph.constant("pads", np.array(borders, np.int64).T.ravel()), name="padded")


def _longer(layer: Any, n: int | str, borders: list[int]) -> int | str:
    """A frame's height or width behind the layer; ValueError where it must be known and is not."""
    if isinstance(n, int):
        return n + sum(borders)
    if sum(borders):
        raise ValueError(
            f"layer {layer.name!r}: {layer.argument} changes the size of frames: expected a network with height and "
            "width in its input_shape, exported without dynamic_size"
        )
    return n
