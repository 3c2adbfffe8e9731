"""Concatenate as ONNX's Concat, in whichever order axes stand."""

from collections.abc import Sequence
from typing import Any

from engine.layers import Concatenate
from export.graph_builder import GraphBuilder
from export.layers.layouts import GraphShape
from export.layers.whole_layer import WholeLayer, whole_nodes_for


@whole_nodes_for(Concatenate)
class ConcatenateNodes(WholeLayer):
    """Several inputs side by side; of one frame each, unless that is along time."""

    def __init__(self, layer: Any, shapes_in: Sequence[GraphShape], shapes_out: Sequence[GraphShape]) -> None:
        super().__init__(layer, shapes_in, shapes_out)
        rank = len(shapes_out[0])
        from_end = layer.axis if layer.axis < 0 else layer.axis - rank - 1
        self.can_step = rank == 4 and from_end != -4
        channels_first = {-1: -3, -2: -1, -3: -2, -4: 0} if rank > 2 else {}  # graphs have frames as (C,H,W)
        self._axis = channels_first.get(from_end, from_end)

    def natural(self, graph: GraphBuilder, inputs: list[str]) -> list[str]:
        raise NotImplementedError("whole() is written directly")

    def whole(self, graph: GraphBuilder, inputs: list[str]) -> list[str]:
        return self.step(graph, inputs)

    def step(self, graph: GraphBuilder, inputs: list[str]) -> list[str]:
        with graph.scope(self.name):
            return [graph.node("Concat", *inputs, name="side_by_side", axis=self._axis)]
