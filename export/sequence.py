"""The sequence graph: whole movies in, the network's output for every frame out.

    movies (N,T,H,W,C) -> predictions (N,T,H,W,K)

Layers that see only the past stand together in the body of one Scan over time. A Conv3D that looks ahead ends such a
run: the body computes its taps frame by frame, and the sum over time follows outside.
"""

import numpy as np
from onnx import GraphProto

from export.boundary import declare_past, declare_present, frame_by_frame, inputs_first, outputs_last, zero_states
from export.graph_builder import GraphBuilder
from export.layers import Conv3D, FrameLayer
from export.network import Network, states_of


def sequence_graph(network: Network, graph: GraphBuilder) -> GraphProto:
    """Write the sequence graph."""
    size = (network.height, network.width)
    movies = graph.input("movies", ("N", "T", *size, network.channels), np.float32, "movies, frames, rows, columns")
    x = inputs_first(graph, movies)
    for number, (layers, ahead) in enumerate(_runs(network.layers)):
        scope = f"frames_{number}" if number else "frames"
        if states_of(layers):
            with graph.scope(scope):
                x = _scan(graph, network, layers, ahead, x, movies)
        else:
            x = _all_at_once(graph, layers, ahead, x, scope)
        if ahead is not None:
            x = ahead.over_time(graph, x)
    outputs_last(graph, x, "predictions")
    graph.output(
        "predictions", ("N", "T", *size, network.channels_out), np.float32, "the frame that follows each frame"
    )
    return graph.graph(network.name, "Movies in, for every frame the prediction of the next one out")


def _runs(layers: list[FrameLayer]) -> list[tuple[list[FrameLayer], Conv3D | None]]:
    """Cut the layers behind each one that looks ahead: (those that see the past only, the one that looks ahead)."""
    runs: list[tuple[list[FrameLayer], Conv3D | None]] = []
    past_only: list[FrameLayer] = []
    for layer in layers:
        if isinstance(layer, Conv3D) and layer.looks_ahead:
            runs.append((past_only, layer))
            past_only = []
        else:
            past_only.append(layer)
    return [*runs, (past_only, None)] if past_only else runs


def _scan(
    graph: GraphBuilder, network: Network, layers: list[FrameLayer], ahead: Conv3D | None, x: str, movies: str
) -> str:
    """Layers with states, over all frames x (T,N,C,H,W): one Scan over time."""
    states = states_of(layers)
    body = graph.body()
    declare_past(body, network, states)
    frame = body.input(f"{layers[0].name}/frame", network.shape(layers[0].channels))
    y = _frames(body, layers, ahead, frame)
    if any(y == state.present for state in states):
        y = body.node("Identity", y, name=f"{y}_of_this_frame", doc="a value cannot be a state and an output at once")
    declare_present(body, network, states)
    body.output(y, network.shape(_channels_out(layers, ahead)))
    zeros = zero_states(graph, network, [state.channels for state in states], movies)
    return graph.scan(body.graph("frame_by_frame"), zeros, [x], "over_time", "layers that see only the past")[-1]


def _all_at_once(graph: GraphBuilder, layers: list[FrameLayer], ahead: Conv3D | None, x: str, scope: str) -> str:
    """Layers without states, over all frames x (T,N,C,H,W): each sees one frame, so frames are one big batch."""
    with graph.scope(scope):
        any_number = graph.constant("any_number", np.array([-1], np.int64))
        frame_size = graph.node("Shape", x, name="frame_size", start=2, end=5)
        flat_shape = graph.node("Concat", any_number, frame_size, name="flat_shape", axis=0)
        flat = graph.node("Reshape", x, flat_shape, name="flat")
    y = _frames(graph, layers, ahead, flat)
    with graph.scope(scope):
        frames_and_movies = graph.node("Shape", x, name="frames_and_movies", start=0, end=2)
        size_out = graph.node("Shape", y, name="size_out", start=1, end=4)
        shape_out = graph.node("Concat", frames_and_movies, size_out, name="shape_out", axis=0)
        return graph.node("Reshape", y, shape_out, name="over_time")


def _frames(graph: GraphBuilder, layers: list[FrameLayer], ahead: Conv3D | None, x: str) -> str:
    x = frame_by_frame(graph, layers, x)
    return ahead.all_taps(graph, x) if ahead else x


def _channels_out(layers: list[FrameLayer], ahead: Conv3D | None) -> int:
    return ahead.kernel_size[0] * ahead.channels_out if ahead else layers[-1].channels_out
