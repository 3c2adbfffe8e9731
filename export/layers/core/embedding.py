"""Embedding: rows of a table by their numbers."""

from collections.abc import Sequence
from typing import Any

from onnx import TensorProto

from engine.layers import Embedding
from export.graph_builder import GraphBuilder
from export.layers.layouts import GraphShape
from export.layers.whole_layer import WholeLayer, whole_nodes_for


@whole_nodes_for(Embedding)
class EmbeddingNodes(WholeLayer):
    """A Gather; numbers come as the graph's floating-point numbers, and fractions are cut off, as in the engine."""

    def __init__(self, layer: Any, shapes_in: Sequence[GraphShape], shapes_out: Sequence[GraphShape]) -> None:
        super().__init__(layer, shapes_in, shapes_out)
        self._table = layer.embeddings.to_host()

    def natural(self, graph: GraphBuilder, inputs: list[str]) -> list[str]:
        rows = graph.node("Cast", *inputs, name="rows", to=TensorProto.INT64)
        return [graph.node("Gather", graph.constant("embeddings", self._table), rows, name="of_rows", axis=0)]
