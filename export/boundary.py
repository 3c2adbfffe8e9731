"""Where values enter and leave a graph: states, zeros before the first frame, the order of the axes, float16.

Outside, movies are channels-last float32, (N,T,H,W,C), as the engine has them. Inside they are time-major and
channels-first, (T,N,C,H,W), because convolutions take (N,C,H,W) and Scan cuts its first axis.
"""

import numpy as np
from onnx import TensorProto, numpy_helper

from export.graph_builder import GraphBuilder
from export.layers import FrameLayer, Size, State
from export.layers.layouts import name_and_parts
from export.network import Network


def declare_past(graph: GraphBuilder, states: list[State]) -> None:
    """Make the past states inputs of the graph."""
    for state in states:
        graph.input(state.past, state.shape, doc=f"{state.name} of {state.layer} before this frame")


def declare_present(graph: GraphBuilder, states: list[State]) -> None:
    """Make the present states outputs of the graph."""
    for state in states:
        graph.output(state.present, state.shape, doc=f"{state.name} of {state.layer} after this frame")


def zero_states(graph: GraphBuilder, network: Network, states: list[State], movies: str) -> list[str]:
    """Add zeros for each of `states`, as many as movies (N,T,H,W,C) has; states of equal shape share them."""
    made: dict[tuple[int, Size], str] = {}
    with graph.scope("zeros"):
        batch = graph.node("Shape", movies, name="batch_size", start=0, end=1) if states else ""
        of_movies = any(state.size == network.size for state in states)
        frame_size = graph.node("Shape", movies, name="frame_size", start=2, end=4) if of_movies else ""
        for state in states:
            key = state.channels, state.size
            if key in made:
                continue
            name = str(state.channels)
            size = frame_size
            if state.size != network.size:
                name = "x".join(str(length).replace("/", "_") for length in (state.channels, *state.size))
                size = _size_of(graph, state.size, movies, name)
            shape = graph.node(
                "Concat", batch, graph.constant(f"channels_{name}", np.array([state.channels], np.int64)), size,
                name=f"shape_{name}", axis=0,
            )  # fmt: skip
            zero = numpy_helper.from_array(np.zeros(1, graph.dtype))
            made[key] = graph.node("ConstantOfShape", shape, name=f"zeros_{name}", value=zero)
    return [made[state.channels, state.size] for state in states]


def _size_of(graph: GraphBuilder, size: Size, movies: str, name: str) -> str:
    """Height and width (2,) of a state; of movies (N,T,H,W,C) where they are parts of theirs."""
    if all(isinstance(length, int) for length in size):
        return graph.constant(f"size_{name}", np.array(size, np.int64))
    parts = []
    for axis, length in enumerate(size):
        if isinstance(length, int):
            parts.append(graph.constant(f"size_{name}_{axis}", np.array([length], np.int64)))
            continue
        whole = graph.node("Shape", movies, name=f"whole_{name}_{axis}", start=2 + axis, end=3 + axis)
        by = graph.constant(f"parts_{name}_{axis}", np.array([name_and_parts(length)[1]], np.int64))
        parts.append(graph.node("Div", whole, by, name=f"size_{name}_{axis}"))
    return graph.node("Concat", *parts, name=f"size_{name}", axis=0)


def frame_by_frame(graph: GraphBuilder, layers: list[FrameLayer], x: str) -> str:
    """Write the nodes of some layers for one frame x (N,C,H,W)."""
    for layer in layers:
        x = layer.frame(graph, x)
    return x


def inputs_first(graph: GraphBuilder, movies: str) -> str:
    """Bring movies (N,T,H,W,C) in float32 to (T,N,C,H,W) in the graph's dtype."""
    movies = to_graph_dtype(graph, movies)
    return graph.node("Transpose", movies, name="time_major", perm=[1, 0, 4, 2, 3], doc="(N,T,H,W,C) -> (T,N,C,H,W)")


def outputs_last(graph: GraphBuilder, x: str, name: str) -> str:
    """Bring x (T,N,C,H,W) in the graph's dtype to the value `name` (N,T,H,W,C) in float32."""
    return from_graph_dtype(graph, x, [1, 0, 3, 4, 2], name, "(T,N,C,H,W) -> (N,T,H,W,C)")


def to_graph_dtype(graph: GraphBuilder, x: str) -> str:
    """Cast a float32 input to the graph's dtype."""
    return x if graph.dtype == "float32" else graph.node("Cast", x, name=f"{x}_float16", to=TensorProto.FLOAT16)


def from_graph_dtype(graph: GraphBuilder, x: str, perm: list[int], name: str, doc: str) -> str:
    """Transpose an output, and cast it to float32."""
    if graph.dtype == "float32":
        return graph.node("Transpose", x, name=name, perm=perm, doc=doc)
    x = graph.node("Transpose", x, name=f"{name}_float16", perm=perm, doc=doc)
    return graph.node("Cast", x, name=name, to=TensorProto.FLOAT)
