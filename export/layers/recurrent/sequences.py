"""LSTM and ConvLSTM1D: the nodes of a ConvLSTM2D on frames of one pixel, or of one row."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.layers import LSTM, ConvLSTM1D
from export.graph_builder import GraphBuilder
from export.layers.frame_call import FrameCall
from export.layers.layouts import GraphShape
from export.layers.recurrent.conv_lstm2d import ConvLSTM2DNodes
from export.layers.whole_layer import WholeLayer, whole_nodes_for

_FRAME_FIRST = {2: [1, 0, 2], 3: [1, 0, 3, 2]}
"""By the number of sizes, what makes (N,T,C) or (N,T,L,C) frames of channels first; its own inverse."""
_CHANNELS_FIRST = {1: [0, 1], 2: [0, 2, 1]}
"""Likewise one frame (N,C), (N,L,C)."""


class _OneRowNodes(WholeLayer):
    """Sequences (N,T,C) or (N,T,L,C) as movies (T,N,C,1,1) or (T,N,C,1,L), through a ConvLSTM2D's nodes, and back."""

    def __init__(self, layer: Any, shapes_in: Sequence[GraphShape], shapes_out: Sequence[GraphShape]) -> None:
        super().__init__(layer, shapes_in, shapes_out)
        frame = _as_frame(shapes_in[0][1:])
        nodes = ConvLSTM2DNodes(layer, int(frame[2]), (frame[0], frame[1]), rank=5)
        movies_in = [(shapes_in[0][0], *frame), *(_as_frame(shape) for shape in shapes_in[1:])]
        rank = len(shapes_in[0])
        movies_out = [
            (shape[0], *_as_frame(shape[1:])) if len(shape) == rank else _as_frame(shape) for shape in shapes_out
        ]
        self._inner = FrameCall(nodes, movies_in, movies_out, initial_states=len(shapes_in) - 1)

    def rename(self, name: str) -> None:
        super().rename(name)
        self._inner.rename(f"{name}/of_frames")

    def natural(self, graph: GraphBuilder, inputs: list[str]) -> list[str]:
        rank = len(self.shapes_in[0])
        given = [
            _into_frames(graph, x, len(shape), len(shape) == rank, f"frames_{number}")
            for number, (x, shape) in enumerate(zip(inputs, self.shapes_in, strict=True))
        ]
        made = self._inner.whole(graph, given)
        return [
            _out_of_frames(graph, y, len(shape), len(shape) == rank, f"sequence_{number}")
            for number, (y, shape) in enumerate(zip(made, self.shapes_out, strict=True))
        ]


@whole_nodes_for(LSTM)
class LSTMNodes(_OneRowNodes):
    """Frames of one pixel."""


@whole_nodes_for(ConvLSTM1D)
class ConvLSTM1DNodes(_OneRowNodes):
    """Frames of one row."""


def _as_frame(shape: GraphShape) -> GraphShape:
    """(C,) or (L,C) as (height, width, channels)."""
    return (*(1,) * (3 - len(shape)), *shape)


def _into_frames(graph: GraphBuilder, x: str, rank: int, sequence: bool, name: str) -> str:
    perm = _FRAME_FIRST[rank] if sequence else _CHANNELS_FIRST[rank]
    if perm != sorted(perm):
        x = graph.node("Transpose", x, name=f"{name}_channels_first", perm=perm)
    behind = 2 + sequence
    axes = [behind, behind + 1][: 4 + sequence - len(perm)]
    return graph.node("Unsqueeze", x, graph.constant(f"{name}_row", np.array(axes, np.int64)), name=name)


def _out_of_frames(graph: GraphBuilder, y: str, rank: int, sequence: bool, name: str) -> str:
    perm = _FRAME_FIRST[rank] if sequence else _CHANNELS_FIRST[rank]
    behind = 2 + sequence
    axes = [behind, behind + 1][: 4 + sequence - len(perm)]
    y = graph.node("Squeeze", y, graph.constant(f"{name}_row", np.array(axes, np.int64)), name=f"{name}_no_row")
    return y if perm == sorted(perm) else graph.node("Transpose", y, name=name, perm=perm)
