"""Dense as a convolution of one tap."""

from typing import Any

import numpy as np

from engine.layers import Dense
from export.graph_builder import GraphBuilder
from export.layers.frame_layer import FrameLayer, Size, activation_node, convolution_weights, nodes_for


@nodes_for(Dense)
class DenseNodes(FrameLayer):
    """A matrix product over the channels of each frame."""

    def __init__(self, layer: Any, channels: int, size: Size, rank: int) -> None:
        super().__init__(layer.name, channels, size)
        self.channels_out = layer.units
        self._activation = layer.activation
        self._kernel = convolution_weights(layer.kernel.to_host()[np.newaxis, np.newaxis])
        self._bias = None if layer.bias is None else layer.bias.to_host()

    def frame(self, graph: GraphBuilder, x: str) -> str:
        with graph.scope(self.name):
            weights = [graph.constant("kernel", self._kernel)]
            if self._bias is not None:
                weights.append(graph.constant("bias", self._bias))
            y = graph.node("Conv", x, *weights, name="product", kernel_shape=[1, 1])
            return y if self._activation == "linear" else activation_node(graph, self._activation, y, "activation")
