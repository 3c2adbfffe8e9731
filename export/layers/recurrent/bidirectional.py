"""Bidirectional: the nodes of both layers, and of the merge of what they give."""

from collections.abc import Sequence
from typing import Any

from engine.layers import Bidirectional
from export.graph_builder import GraphBuilder
from export.layers.layouts import GraphShape
from export.layers.reading import read_call
from export.layers.whole_layer import WholeLayer, whole_nodes_for


@whole_nodes_for(Bidirectional)
class BidirectionalNodes(WholeLayer):
    """Two recurrent layers over the same frames, the second one's turned round."""

    def __init__(self, layer: Any, shapes_in: Sequence[GraphShape], shapes_out: Sequence[GraphShape]) -> None:
        super().__init__(layer, shapes_in, shapes_out)
        outputs = layer.output_count - (4 if layer.forward_layer.return_state else 0)
        x, states = shapes_in[0], shapes_out[outputs:]
        half = len(states) // 2
        one = (*shapes_out[0][:-1], layer.forward_layer.filters)
        begun = (len(shapes_in) - 1) // 2
        self._first = read_call(layer.forward_layer, "", [x, *shapes_in[1:3]], [one, *states[:half]], begun)
        self._second = read_call(layer.backward_layer, "", [x, *shapes_in[3:]], [one, *states[half:]], begun)
        self._merge = None if layer.merge is None else read_call(layer.merge, "", [one, one], shapes_out[:1])

    def rename(self, name: str) -> None:
        super().rename(name)
        self._first.rename(f"{name}/forward")
        self._second.rename(f"{name}/backward")
        if self._merge is not None:
            self._merge.rename(f"{name}/merge")

    def natural(self, graph: GraphBuilder, inputs: list[str]) -> list[str]:
        raise NotImplementedError("whole() is written directly")

    def whole(self, graph: GraphBuilder, inputs: list[str]) -> list[str]:
        x, states = inputs[0], inputs[1:]
        first, *of_first = self._first.whole(graph, [x, *states[:2]])
        second, *of_second = self._second.whole(graph, [x, *states[2:]])
        outputs = [first, second] if self._merge is None else self._merge.whole(graph, [first, second])
        return [*outputs, *of_first, *of_second]
