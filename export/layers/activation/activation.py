"""Layers that are an activation alone."""

from typing import Any

from engine.layers import ELU, Activation, LeakyReLU, ReLU, Softmax
from export.graph_builder import GraphBuilder
from export.layers.frame_layer import FrameLayer, Size, activation_node, nodes_for


@nodes_for(Activation)
@nodes_for(ReLU)
@nodes_for(LeakyReLU)
@nodes_for(ELU)
class ActivationNodes(FrameLayer):
    """A function of each element."""

    def __init__(self, layer: Any, channels: int, size: Size, rank: int) -> None:
        super().__init__(layer.name, channels, size)
        self._activation = layer.as_activation

    def frame(self, graph: GraphBuilder, x: str) -> str:
        with graph.scope(self.name):
            return activation_node(graph, self._activation, x, "activation")


@nodes_for(Softmax)
class SoftmaxNodes(FrameLayer):
    """A softmax over one axis of a frame."""

    def __init__(self, layer: Any, channels: int, size: Size, rank: int) -> None:
        super().__init__(layer.name, channels, size)
        from_end = layer.axis if layer.axis < 0 else layer.axis - rank
        if from_end == -rank + 1 and rank == 5:
            raise ValueError(f"layer {layer.name!r}: axis={layer.axis} is that of time, which no graph here can do")
        self._axis = 1 if from_end == -1 else from_end + 1  # channels come before height and width there

    def frame(self, graph: GraphBuilder, x: str) -> str:
        with graph.scope(self.name):
            return graph.node("Softmax", x, name="softmax", axis=self._axis)
