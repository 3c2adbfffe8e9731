"""BatchNormalization at inference: one multiplication and one addition per channel.

    y = scale * x + shift        scale = gamma / sqrt(moving_variance + epsilon), shift = beta - moving_mean * scale

It is not folded into the next convolution: the zeros that pad the borders come after the normalisation, so a shift
folded into the bias would be wrong at every border pixel.
"""

from typing import Any

import numpy as np

from engine.layers import BatchNormalization
from export.graph_builder import GraphBuilder
from export.layers.frame_layer import FrameLayer, Size, nodes_for
from kernels.arrays import HostArray

_SHAPES = {3: (-1, 1, 1), 1: (-1, 1), 2: (-1,)}
"""By the normalised axis of a frame (T,H,W,C): the vectors' shape beside a frame (N,C,H,W)."""


@nodes_for(BatchNormalization)
class BatchNormalizationNodes(FrameLayer):
    """Scale and shift of a frame (N,C,H,W), computed from the layer's vectors in float64.

    rank: axes of the layer's input in the engine, with that of the movies.
    """

    def __init__(self, layer: Any, channels: int, size: Size, rank: int) -> None:
        super().__init__(layer.name, channels, size)
        axis = (layer.axis - 1 if layer.axis > 0 else layer.axis + rank - 1) + (5 - rank)
        if axis not in _SHAPES:
            raise ValueError(
                f"layer {layer.name!r}: axis={layer.axis} normalises over time apart, which no graph does frame by "
                "frame: expected the axis of rows, columns or channels"
            )
        mean, variance = (np.asarray(w.to_host(), np.float64) for w in (layer.moving_mean, layer.moving_variance))
        gamma = 1.0 if layer.gamma is None else np.asarray(layer.gamma.to_host(), np.float64)
        beta = 0.0 if layer.beta is None else np.asarray(layer.beta.to_host(), np.float64)
        scale: HostArray = gamma / np.sqrt(variance + layer.epsilon)
        self._scale, self._shift = scale.reshape(_SHAPES[axis]), (beta - mean * scale).reshape(_SHAPES[axis])

    def frame(self, graph: GraphBuilder, x: str) -> str:
        with graph.scope(self.name):
            scaled = graph.node(
                "Mul", x, graph.constant("scale", self._scale), name="scaled",
                doc="gamma / sqrt(moving_variance + epsilon), per channel",
            )  # fmt: skip
            return graph.node(
                "Add", scaled, graph.constant("shift", self._shift), name="normalized",
                doc="beta - moving_mean * scale, per channel",
            )  # fmt: skip
