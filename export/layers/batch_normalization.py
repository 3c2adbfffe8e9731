"""BatchNormalization at inference: one multiplication and one addition per channel.

    y = scale * x + shift        scale = gamma / sqrt(moving_variance + epsilon), shift = beta - moving_mean * scale

It is not folded into the next convolution: the zeros that pad the borders come after the normalisation, so a shift
folded into the bias would be wrong at every border pixel.
"""

from typing import Any

import numpy as np

from export.graph_builder import GraphBuilder
from export.layers.frame_layer import FrameLayer


class BatchNormalization(FrameLayer):
    """Scale and shift of a frame (N,C,H,W), computed from the layer's four vectors in float64."""

    def __init__(self, layer: Any, channels: int) -> None:
        super().__init__(layer.name, channels)
        self.channels_out = channels
        gamma, beta, mean, variance = (np.asarray(w, np.float64) for w in layer.get_weights())
        self._scale = gamma / np.sqrt(variance + layer.epsilon)
        self._shift = beta - mean * self._scale

    def frame(self, graph: GraphBuilder, x: str) -> str:
        with graph.scope(self.name):
            scaled = graph.node(
                "Mul", x, graph.constant("scale", self._scale.reshape(-1, 1, 1)), name="scaled",
                doc="gamma / sqrt(moving_variance + epsilon), per channel",
            )  # fmt: skip
            return graph.node(
                "Add", scaled, graph.constant("shift", self._shift.reshape(-1, 1, 1)), name="normalized",
                doc="beta - moving_mean * scale, per channel",
            )  # fmt: skip
