"""What writes a use of a layer: chosen by the layer's class among those that were registered."""

from collections.abc import Sequence
from typing import Any

from engine.layers import LAYERS
from export.layers.frame_call import FrameCall
from export.layers.frame_layer import NODES
from export.layers.layouts import GraphShape
from export.layers.whole_layer import WHOLE_NODES, WholeLayer


def read_call(
    layer: Any, name: str, shapes_in: Sequence[GraphShape], shapes_out: Sequence[GraphShape], initial_states: int = 0
) -> WholeLayer:
    """What writes one use of a layer of a built engine network, weights included.

    Args:
        name: that its nodes get.
        shapes_in, shapes_out: of its inputs, initial states last, and outputs.
        initial_states: how many of the inputs are those.

    Raises ValueError naming the layer and what of it no ONNX graph here can do.
    """
    kind = type(layer)
    if kind not in NODES and kind not in WHOLE_NODES:
        known = ", ".join(each for each, other in LAYERS.items() if other in NODES or other in WHOLE_NODES)
        raise ValueError(
            f"network: expected layers of {known}, got {layer.name!r} of class {kind.__name__}; "
            "export.layers.nodes_for makes another one known"
        )
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise ValueError(f"layer {layer.name!r}: data_format: expected 'channels_last', got {layer.data_format!r}")
    if kind in WHOLE_NODES:
        nodes = WHOLE_NODES[kind](layer, shapes_in, shapes_out)
        nodes.rename(name)
        return nodes
    frame: tuple[int | str, ...] = (*(1,) * (3 - len(shapes_in[0])), *shapes_in[0])[-3:]
    of_frames = NODES[kind](layer, int(frame[2]), (frame[0], frame[1]), len(shapes_in[0]) + 1)
    of_frames.name = name
    return FrameCall(of_frames, shapes_in, shapes_out, initial_states)
