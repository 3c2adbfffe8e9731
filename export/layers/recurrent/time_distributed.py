"""TimeDistributed: the layer's nodes over all steps at once, as one big batch."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.layers import TimeDistributed
from export.graph_builder import GraphBuilder
from export.layers.frame_call import FrameCall
from export.layers.layouts import GraphShape, from_natural, to_natural
from export.layers.reading import read_call
from export.layers.whole_layer import WholeLayer, whole_nodes_for


@whole_nodes_for(TimeDistributed)
def time_distributed_nodes(layer: Any, shapes_in: Sequence[GraphShape], shapes_out: Sequence[GraphShape]) -> WholeLayer:
    """Frame by frame where the layer turns movies into movies, else over all steps."""
    inner = read_call(layer.layer, layer.name, [shape[1:] for shape in shapes_in], [shape[1:] for shape in shapes_out])
    if isinstance(inner, FrameCall) and len(shapes_in[0]) == len(shapes_out[0]) == 4:
        return FrameCall(inner.layer, shapes_in, shapes_out)
    return DistributedNodes(layer, inner, shapes_in, shapes_out)


class DistributedNodes(WholeLayer):
    """A layer over the steps of (N,T,...) as over a batch (N*T,...)."""

    def __init__(
        self, layer: Any, inner: WholeLayer, shapes_in: Sequence[GraphShape], shapes_out: Sequence[GraphShape]
    ) -> None:
        super().__init__(layer, shapes_in, shapes_out)
        self._inner = inner

    def rename(self, name: str) -> None:
        super().rename(name)
        self._inner.rename(f"{name}/of_each")

    def natural(self, graph: GraphBuilder, inputs: list[str]) -> list[str]:
        sequences = graph.node("Shape", inputs[0], name="sequences", start=0, end=2)
        any_number = graph.constant("any_number", np.array([-1], np.int64))
        steps = []
        for number, (x, shape) in enumerate(zip(inputs, self.shapes_in, strict=True)):
            sizes = graph.node("Shape", x, name=f"sizes_{number}", start=2)
            folded = graph.node("Concat", any_number, sizes, name=f"folded_{number}", axis=0)
            each = graph.node("Reshape", x, folded, name=f"steps_{number}")
            steps.append(from_natural(graph, each, len(shape) - 1, f"steps_first_{number}"))
        made = []
        for number, (y, shape) in enumerate(zip(self._inner.whole(graph, steps), self.shapes_out, strict=True)):
            each = to_natural(graph, y, len(shape) - 1, f"of_steps_{number}")
            sizes = graph.node("Shape", each, name=f"sizes_out_{number}", start=1)
            unfolded = graph.node("Concat", sequences, sizes, name=f"unfolded_{number}", axis=0)
            made.append(graph.node("Reshape", each, unfolded, name=f"sequences_{number}"))
        return made
