"""Flatten, Reshape, Permute and RepeatVector as ONNX's Flatten, Reshape, Transpose and Expand."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.layers import Flatten, Permute, RepeatVector, Reshape
from export.graph_builder import GraphBuilder
from export.layers.layouts import GraphShape
from export.layers.whole_layer import WholeLayer, whole_nodes_for


@whole_nodes_for(Flatten)
class FlattenNodes(WholeLayer):
    """All axes but the batch's as one."""

    def natural(self, graph: GraphBuilder, inputs: list[str]) -> list[str]:
        return [graph.node("Flatten", *inputs, name="flat", axis=1)]


@whole_nodes_for(Reshape)
class ReshapeNodes(WholeLayer):
    """The same numbers in another shape."""

    def __init__(self, layer: Any, shapes_in: Sequence[GraphShape], shapes_out: Sequence[GraphShape]) -> None:
        super().__init__(layer, shapes_in, shapes_out)
        self._target = layer.target_shape

    def natural(self, graph: GraphBuilder, inputs: list[str]) -> list[str]:
        as_it_is = 0
        shape = graph.constant("shape", np.array([as_it_is, *self._target], np.int64))
        return [graph.node("Reshape", *inputs, shape, name="reshaped")]


@whole_nodes_for(Permute)
class PermuteNodes(WholeLayer):
    """Axes in another order; frame by frame, where the frames stay first."""

    def __init__(self, layer: Any, shapes_in: Sequence[GraphShape], shapes_out: Sequence[GraphShape]) -> None:
        super().__init__(layer, shapes_in, shapes_out)
        self._dims, self.can_step = layer.dims, layer.can_stream

    def natural(self, graph: GraphBuilder, inputs: list[str]) -> list[str]:
        return [graph.node("Transpose", *inputs, name="permuted", perm=[0, *self._dims])]

    def step(self, graph: GraphBuilder, inputs: list[str]) -> list[str]:
        _, height, width, channels = (dim - 2 if dim < 4 else -1 for dim in self._dims)  # of (H,W), or C
        with graph.scope(self.name):
            perm = [0, *(axis + 2 for axis in (channels, height, width))]
            return [graph.node("Transpose", *inputs, name="permuted", perm=perm)]


@whole_nodes_for(RepeatVector)
class RepeatVectorNodes(WholeLayer):
    """A vector n times."""

    def __init__(self, layer: Any, shapes_in: Sequence[GraphShape], shapes_out: Sequence[GraphShape]) -> None:
        super().__init__(layer, shapes_in, shapes_out)
        self._n = layer.n

    def natural(self, graph: GraphBuilder, inputs: list[str]) -> list[str]:
        once = graph.node("Unsqueeze", *inputs, graph.constant("steps", np.array([1], np.int64)), name="once")
        often = graph.constant("often", np.array([1, self._n, 1], np.int64))
        return [graph.node("Expand", once, often, name="repeated")]
