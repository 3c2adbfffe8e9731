"""The sequence graph: whole movies in, the network's output for every frame out.

    movies (N,T,H,W,C) -> predictions (N,T,H,W,K)

Layers that see only the past stand together in the body of one Scan over time. A Conv3D that looks ahead ends such a
run: the body computes its taps frame by frame, and the sum over time follows outside. A Conv3D with strides and the
like stands between runs, over whole movies; a layer that goes backwards begins a run with its frames turned round.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from onnx import GraphProto, TensorProto

from export.boundary import (
    declare_past,
    declare_present,
    frame_by_frame,
    from_graph_dtype,
    inputs_first,
    outputs_last,
    to_graph_dtype,
    zero_states,
)
from export.graph_builder import GraphBuilder
from export.layers import FrameLayer
from export.layers.frame_call import all_at_once, reversed_frames
from export.layers.layouts import from_natural, to_natural
from export.network import Network, states_of


@dataclass
class _Run:
    """A run of layers that see the past only, and the layer behind them that needs later frames, if any."""

    layers: list[FrameLayer]
    ahead: FrameLayer | None = None
    whole: FrameLayer | None = None


def sequence_graph(network: Network, graph: GraphBuilder) -> GraphProto:
    """Write the sequence graph; ValueError for a stateful network, which a graph of whole movies cannot be."""
    for layer in network.layers:
        if layer.stateful:
            raise ValueError(f"layer {layer.name!r}: stateful: a sequence begins at zero; expected graph='step'")
    if not network.is_chain_of_frames:
        return _whole_graph(network, graph)
    movies = graph.input(
        "movies",
        ("N", "T", *network.size, network.channels),
        np.float32,
        "movies, frames, rows, columns",
    )
    x = inputs_first(graph, movies)
    for number, run in enumerate(_runs(network.layers)):
        scope = f"frames_{number}" if number else "frames"
        if run.layers and run.layers[0].backwards:
            x = reversed_frames(graph, x, scope)
        if states_of(run.layers):
            with graph.scope(scope):
                x = _scan(graph, network, run, x, movies)
        elif run.layers or run.ahead:
            x = all_at_once(graph, x, scope, partial(_frames_of_run, run))
        if run.ahead is not None:
            x = run.ahead.over_time(graph, x)
        if run.whole is not None:
            x = run.whole.over_movies(graph, x)
    _write_output(graph, network, x)
    return graph.graph(network.name, "Movies in, for every frame the prediction of the next one out")


def _whole_graph(network: Network, graph: GraphBuilder) -> GraphProto:
    """Write a graph of any connections, layer by layer over whole values."""
    values: dict[int, str] = {}
    for value, name in zip(network.inputs, network.input_names, strict=True):
        shape = network.shapes[value]
        given = to_graph_dtype(graph, graph.input(name, ("N", *shape), np.float32))
        values[value] = from_natural(graph, given, len(shape), f"{name}/channels_first")
    for call in network.calls:
        made = call.nodes.whole(graph, [values[value] for value in call.inputs])
        values.update(zip(call.outputs, made, strict=True))
    for value, name in zip(network.outputs, network.output_names, strict=True):
        shape = network.shapes[value]
        natural = to_natural(graph, values[value], len(shape), f"{name}/natural")
        if graph.dtype == "float32":
            graph.node("Identity", natural, name=name)
        else:
            graph.node("Cast", natural, name=name, to=TensorProto.FLOAT)
        sizes = [size if isinstance(size, int) else f"{name}_{size}" for size in shape]
        graph.output(name, ("N", *sizes), np.float32)
    return graph.graph(network.name, "Whole movies, or what else the inputs are, in; the network's outputs out")


def _write_output(graph: GraphBuilder, network: Network, x: str) -> None:
    """Write the output `predictions` from x (T,N,K,H,W)."""
    frame = (*network.size_out, network.channels_out)
    if not network.last_frame_only:
        outputs_last(graph, x, "predictions")
        frames = "T_out" if any(layer.needs_movies for layer in network.layers) else "T"
        graph.output("predictions", ("N", frames, *frame), np.float32, "the frame that follows each frame")
        return
    last = graph.node("Gather", x, graph.constant("last", np.array(-1, np.int64)), name="last_frame", axis=0)
    from_graph_dtype(graph, last, [0, 2, 3, 1], "predictions", "(N,K,H,W) -> (N,H,W,K)")
    graph.output("predictions", ("N", *frame), np.float32, "the output of the last frame")


def _runs(layers: list[FrameLayer]) -> list[_Run]:
    """Cut the layers behind each one that needs later frames, and before each one that goes backwards."""
    runs = [_Run([])]
    for layer in layers:
        if layer.backwards and runs[-1].layers:
            runs.append(_Run([]))
        if layer.needs_movies:
            runs[-1].whole = layer
        elif layer.looks_ahead:
            runs[-1].ahead = layer
        else:
            runs[-1].layers.append(layer)
            continue
        runs.append(_Run([]))
    return [run for run in runs if run.layers or run.ahead or run.whole]


def _scan(graph: GraphBuilder, network: Network, run: _Run, x: str, movies: str) -> str:
    """Write layers with states as one Scan over all frames x (T,N,C,H,W)."""
    first, states = run.layers[0], states_of(run.layers)
    body = graph.body()
    declare_past(body, states)
    frame = body.input(f"{first.name}/frame", ("N", first.channels, *first.size))
    y, channels = _frames(body, run, frame)
    if any(y == state.present for state in states):
        y = body.node("Identity", y, name=f"{y}_of_this_frame", doc="a value cannot be a state and an output at once")
    declare_present(body, states)
    body.output(y, ("N", channels, *run.layers[-1].size_out))
    zeros = zero_states(graph, network, states, movies)
    return graph.scan(body.graph("frame_by_frame"), zeros, [x], "over_time", "layers that see only the past")[-1]


def _frames_of_run(run: _Run, graph: GraphBuilder, x: str) -> str:
    return _frames(graph, run, x)[0]


def _frames(graph: GraphBuilder, run: _Run, x: str) -> tuple[str, int]:
    """Write a run's nodes for one frame: the output or the taps, and their channels."""
    x = frame_by_frame(graph, run.layers, x)
    return run.ahead.taps(graph, x) if run.ahead else (x, run.layers[-1].channels_out)
