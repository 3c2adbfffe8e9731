"""Which arrays between layers are narrow: stored in fewer bits than the back end's dtype (kernels/specs/)."""

from collections import Counter

from engine.graph.graph import Graph
from engine.layers.bound_layer import WIDE
from engine.layers.layer import Narrow


def narrow_calls(graph: Graph) -> list[Narrow]:
    """Choose the storage of each call's arrays: 16 bits where a value's writer and its one reader both take them."""
    readers = graph.readers()
    reads = Counter(
        {
            call.inputs[0]: 1
            for call in graph.calls
            if len(call.inputs) == len(call.outputs) == 1 and call.layer.reads_narrow
        }
    )
    between = {
        call.outputs[0]
        for call in graph.calls
        if len(call.outputs) == 1 and call.layer.writes_narrow and readers[call.outputs[0]] == 1
        and reads[call.outputs[0]]
    }  # fmt: skip
    return [
        Narrow(call.inputs[0] in between, call.outputs[0] in between)
        if len(call.inputs) == len(call.outputs) == 1
        else WIDE
        for call in graph.calls
    ]
