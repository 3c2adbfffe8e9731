"""Add, Subtract, Multiply, Average, Maximum and Minimum as ONNX's operators, which broadcast as they do."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.layers import Add, Average, Layer, Maximum, Minimum, Multiply, Subtract
from export.graph_builder import GraphBuilder
from export.layers.layouts import GraphShape
from export.layers.whole_layer import WholeLayer, whole_nodes_for

_OPERATORS: dict[type[Layer], str] = {
    Add: "Sum",
    Average: "Mean",
    Maximum: "Max",
    Minimum: "Min",
    Multiply: "Mul",
    Subtract: "Sub",
}
_OF_TWO = ("Mul", "Sub")
"""The operators of two inputs; the others take any number."""


@whole_nodes_for(Add)
@whole_nodes_for(Average)
@whole_nodes_for(Maximum)
@whole_nodes_for(Minimum)
@whole_nodes_for(Multiply)
@whole_nodes_for(Subtract)
class ElementwiseNodes(WholeLayer):
    """Several inputs combined element by element."""

    def __init__(self, layer: Any, shapes_in: Sequence[GraphShape], shapes_out: Sequence[GraphShape]) -> None:
        super().__init__(layer, shapes_in, shapes_out)
        self._operator = _OPERATORS[type(layer)]
        self.can_step = all(len(shape) == 4 and shape[0] == shapes_out[0][0] for shape in shapes_in)

    def natural(self, graph: GraphBuilder, inputs: list[str]) -> list[str]:
        given = list(inputs)
        for number, shape in enumerate(self.shapes_in):
            missing = len(self.shapes_out[0]) - len(shape)
            if missing:
                axes = graph.constant(f"axes_{number}", np.arange(1, 1 + missing))
                given[number] = graph.node("Unsqueeze", inputs[number], axes, name=f"wide_{number}")
        return [self._combined(graph, given)]

    def whole(self, graph: GraphBuilder, inputs: list[str]) -> list[str]:
        if {len(shape) for shape in self.shapes_in} != {len(self.shapes_out[0])}:
            return super().whole(graph, inputs)
        return self.step(graph, inputs)  # axes stand in one order, whichever it is

    def step(self, graph: GraphBuilder, inputs: list[str]) -> list[str]:
        with graph.scope(self.name):
            return [self._combined(graph, inputs)]

    def _combined(self, graph: GraphBuilder, inputs: list[str]) -> str:
        if self._operator not in _OF_TWO:
            return graph.node(self._operator, *inputs, name="merged")
        y = inputs[0]
        for number, x in enumerate(inputs[1:], 2):
            y = graph.node(self._operator, y, x, name=f"first_{number}_merged")
        return y
