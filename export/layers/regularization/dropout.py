"""Dropout at inference: nothing."""

from typing import Any

from engine.layers import Dropout
from export.graph_builder import GraphBuilder
from export.layers.frame_layer import FrameLayer, Size, nodes_for


@nodes_for(Dropout)
class DropoutNodes(FrameLayer):
    """The identity."""

    def __init__(self, layer: Any, channels: int, size: Size, rank: int) -> None:
        super().__init__(layer.name, channels, size)

    def frame(self, graph: GraphBuilder, x: str) -> str:
        with graph.scope(self.name):
            return graph.node("Identity", x, name="kept", doc="dropout is for training")
