"""GlobalMaxPooling and GlobalAveragePooling as ONNX's GlobalMaxPool and GlobalAveragePool."""

from collections.abc import Sequence
from typing import Any, ClassVar

from engine.layers import (
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
)
from export.graph_builder import GraphBuilder
from export.layers.layouts import GraphShape
from export.layers.whole_layer import WholeLayer, whole_nodes_for


class GlobalPoolingNodes(WholeLayer):
    """One number for each channel.

    Attributes:
        operator: of ONNX.
    """

    operator: ClassVar[str]

    def __init__(self, layer: Any, shapes_in: Sequence[GraphShape], shapes_out: Sequence[GraphShape]) -> None:
        super().__init__(layer, shapes_in, shapes_out)
        self._rank, self._keepdims = layer.rank, layer.keepdims

    def natural(self, graph: GraphBuilder, inputs: list[str]) -> list[str]:
        along = range(1, 1 + self._rank)
        first = graph.node("Transpose", *inputs, name="channels_first", perm=[0, 1 + self._rank, *along])
        y = graph.node(self.operator, first, name="pooled")
        if not self._keepdims:
            return [graph.node("Flatten", y, name="channels", axis=1)]
        return [graph.node("Transpose", y, name="channels_last", perm=[0, *(1 + axis for axis in along), 1])]


@whole_nodes_for(GlobalMaxPooling1D)
@whole_nodes_for(GlobalMaxPooling2D)
@whole_nodes_for(GlobalMaxPooling3D)
class GlobalMaxPoolingNodes(GlobalPoolingNodes):
    """The largest number of all."""

    operator = "GlobalMaxPool"


@whole_nodes_for(GlobalAveragePooling1D)
@whole_nodes_for(GlobalAveragePooling2D)
@whole_nodes_for(GlobalAveragePooling3D)
class GlobalAveragePoolingNodes(GlobalPoolingNodes):
    """The mean of all."""

    operator = "GlobalAveragePool"
