"""The rollout graph: movies and a number of frames in, that many new frames out, each predicted from those before.

    movies (N,T,H,W,C), n_frames -> frames (N,n_frames,H,W,C)

One Scan over T + n_frames - 1 steps with the layers' states and the newest prediction as its state. While the movie
lasts a step takes its frame, after that the prediction of the step before. The network stands in the file once, every
new frame costs one step, and the result is that of predicting the growing movie n_frames times.
"""

import numpy as np
from onnx import GraphProto

from export.boundary import declare_past, declare_present, inputs_first, outputs_last, zero_states
from export.graph_builder import GraphBuilder
from export.layers import State
from export.network import Network


def rollout_graph(network: Network, graph: GraphBuilder) -> GraphProto:
    """Write the rollout graph; ValueError if the network cannot run frame by frame or feed itself."""
    network.check_frame_by_frame("rollout")
    if (network.channels_out, network.size_out) != (network.channels, network.size):
        raise ValueError(
            f"graph: 'rollout' feeds predictions back, and the output has {network.channels_out} channels and the "
            f"input {network.channels}, of sizes {network.size_out} and {network.size}; expected equal ones"
        )
    size = network.size
    movies = graph.input("movies", ("N", "T", *size, network.channels), np.float32, "movies, frames, rows, columns")
    n_frames = graph.input("n_frames", (), np.int64, "how many frames to predict, at least 1")
    given = graph.node("Shape", movies, name="frames_given", start=1, end=2)
    one = graph.constant("one", np.array([1], np.int64))
    steps, is_given = _steps(graph, inputs_first(graph, movies), given, n_frames, one)
    fed_back = State("rollout", "prediction", network.channels, network.size)
    states = [*network.states, fed_back]
    zeros = zero_states(graph, network, states, movies)
    body = _body(graph, network, states, fed_back)
    scanned = graph.scan(body, zeros, [steps, is_given], "over_time", "the frames of the movie, then its own")[-1]
    last = graph.constant("last", np.array([np.iinfo(np.int64).max]))
    axis = graph.constant("time_axis", np.array([0], np.int64))
    first_new = graph.node("Sub", given, one, name="first_new")
    new = graph.node("Slice", scanned, first_new, last, axis, name="new_frames", doc="the predictions beyond the movie")
    outputs_last(graph, new, "frames")
    graph.output("frames", ("N", "n_frames", *size, network.channels), np.float32, "the frames that follow the movies")
    return graph.graph(network.name, "Movies and a number in, that many new frames out")


def _steps(graph: GraphBuilder, first: str, given: str, n_frames: str, one: str) -> tuple[str, str]:
    """Append n_frames - 1 empty frames to first (T,N,C,H,W); also return which of all are given, (steps,)."""
    with graph.scope("steps"):
        n = graph.node("Reshape", n_frames, one, name="n_frames", doc="a vector of one element")
        more = graph.node("Sub", n, one, name="steps_after_movie")
        none_before = graph.constant("none_before", np.zeros(5, np.int64))
        none_across = graph.constant("none_across", np.zeros(4, np.int64))
        pads = graph.node("Concat", none_before, more, none_across, name="pads", axis=0)
        frames = graph.node("Pad", first, pads, name="frames_or_zeros")
        scalar = graph.constant("scalar", np.zeros(0, np.int64))
        count = graph.node("Reshape", graph.node("Add", given, more, name="count"), scalar, name="count_scalar")
        start, by = graph.constant("start", np.int64(0)), graph.constant("by", np.int64(1))
        numbers = graph.node("Range", start, count, by, name="numbers")
        return frames, graph.node(
            "Less", numbers, given, name="is_given", doc="whether a step has a frame of the movie"
        )


def _body(graph: GraphBuilder, network: Network, states: list[State], fed_back: State) -> GraphProto:
    body = graph.body()
    declare_past(body, states)
    frame = body.input("frame", fed_back.shape, doc="the movie's frame, or zeros after its end")
    is_given = body.input("frame_is_given", (), np.bool_)
    x = body.node("Where", is_given, frame, fed_back.past, name="frame_or_prediction")
    y = network.frame(body, x)
    body.node("Identity", y, name="prediction_fed_back", output=fed_back.present)
    body.node("Identity", y, name="prediction")
    declare_present(body, states)
    body.output("prediction", fed_back.shape)
    return body.graph("frame_by_frame")
