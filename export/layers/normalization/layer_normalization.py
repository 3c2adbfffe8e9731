"""LayerNormalization of a frame, in elementary operators: LayerNormalization itself came with opset 17.

mean = sum(x) / n,  d = x - mean,  y = gamma * d / sqrt(sum(d * d) / n + epsilon) + beta
"""

import math
from typing import Any

import numpy as np

from engine.layers import LayerNormalization
from export.graph_builder import GraphBuilder
from export.layers.frame_layer import FrameLayer, Size, nodes_for
from kernels.arrays import HostArray

_AXES = {2: 2, 3: 3, 4: 1}
"""The axes of frames (T,N,H,W,C) as those of (N,C,H,W)."""


@nodes_for(LayerNormalization)
class LayerNormalizationNodes(FrameLayer):
    """Statistics over axes of a frame (N,C,H,W).

    rank: axes of the layer's input in the engine, with that of the movies.
    """

    def __init__(self, layer: Any, channels: int, size: Size, rank: int) -> None:
        super().__init__(layer.name, channels, size)
        places = [(axis if axis > 0 else axis + rank) + 5 - rank for axis in layer.axis]
        if any(place not in _AXES for place in places):
            raise ValueError(
                f"layer {layer.name!r}: axis={list(layer.axis)} normalises over time, which no graph does frame by "
                "frame: expected axes of rows, columns and channels"
            )
        sizes = [(*size, channels)[place - 2] for place in places]
        if any(isinstance(each, str) for each in sizes):
            raise ValueError(
                f"layer {layer.name!r}: axis={list(layer.axis)} normalises over rows or columns: expected frames of "
                "known size, exported without dynamic_size"
            )
        self._axes = [_AXES[place] for place in places]
        self._n = math.prod(int(each) for each in sizes)
        self._epsilon = layer.epsilon
        self._gamma, self._beta = (_beside_a_frame(weight, places) for weight in (layer.gamma, layer.beta))

    def frame(self, graph: GraphBuilder, x: str) -> str:
        with graph.scope(self.name):
            axes = graph.constant("axes", np.array(self._axes, np.int64))
            share = graph.constant("share", np.array(1.0 / self._n))
            total = graph.node("ReduceSum", x, axes, name="sum", keepdims=1)
            mean = graph.node("Mul", total, share, name="mean")
            centered = graph.node("Sub", x, mean, name="centered")
            square = graph.node("Mul", centered, centered, name="square")
            squares = graph.node("ReduceSum", square, axes, name="squares", keepdims=1)
            variance = graph.node("Mul", squares, share, name="variance")
            shifted = graph.node("Add", variance, graph.constant("epsilon", np.array(self._epsilon)), name="shifted")
            y = graph.node("Div", centered, graph.node("Sqrt", shifted, name="deviation"), name="normalized")
            if self._gamma is not None:
                y = graph.node("Mul", y, graph.constant("gamma", self._gamma), name="scaled")
            return y if self._beta is None else graph.node("Add", y, graph.constant("beta", self._beta), name="moved")


def _beside_a_frame(weight: Any, places: list[int]) -> HostArray | None:
    """A weight with the sizes of these axes of (T,N,H,W,C), as (1,C,H,W) or with ones for axes that it has not."""
    if weight is None:
        return None
    sizes = dict(zip(places, weight.shape, strict=True))
    array: HostArray = weight.to_host().reshape([sizes.get(place, 1) for place in (2, 3, 4)])
    return array.transpose(2, 0, 1)[np.newaxis]
