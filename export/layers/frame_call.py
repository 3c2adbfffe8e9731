"""A FrameLayer as a use in a graph of any shapes: over all frames, over one image, or over a vector."""

from collections.abc import Callable, Sequence

import numpy as np
from onnx import numpy_helper

from export.graph_builder import GraphBuilder
from export.layers.frame_layer import FrameLayer
from export.layers.layouts import GraphShape, as_frame, from_frame
from export.layers.whole_layer import WholeLayer


class FrameCall(WholeLayer):
    """What writes a FrameLayer's nodes over whole values.

    Args:
        frame_layer: what writes them for one frame.
        initial_states: how many of the inputs are the states to begin with.
    """

    def __init__(
        self,
        frame_layer: FrameLayer,
        shapes_in: Sequence[GraphShape],
        shapes_out: Sequence[GraphShape],
        initial_states: int = 0,
    ) -> None:
        super().__init__(frame_layer, shapes_in, shapes_out)
        self.layer, self._initial_states = frame_layer, initial_states
        self.can_step = not initial_states and not frame_layer.needs_movies and len(shapes_out) == 1

    def rename(self, name: str) -> None:
        super().rename(name)
        self.layer.name = name

    def natural(self, graph: GraphBuilder, inputs: list[str]) -> list[str]:
        raise NotImplementedError("whole() is written directly")

    def step(self, graph: GraphBuilder, inputs: list[str]) -> list[str]:
        return [self.layer.frame(graph, inputs[0])]

    def whole(self, graph: GraphBuilder, inputs: list[str]) -> list[str]:
        rank, layer = len(self.shapes_in[0]), self.layer
        x = inputs[0]
        if rank < 3:
            with graph.scope(f"{layer.name}/frame"):
                x = as_frame(graph, x, rank)
            y = layer.frame(graph, x)
            with graph.scope(f"{layer.name}/frame"):
                return [from_frame(graph, y, len(self.shapes_out[0]))]
        if rank == 3:
            return [layer.frame(graph, x)]
        if layer.backwards:
            x = reversed_frames(graph, x, layer.name)
        if layer.needs_movies:
            return [layer.over_movies(graph, x)]
        if layer.looks_ahead:
            taps = all_at_once(graph, x, f"{layer.name}/frames", lambda inner, flat: layer.taps(inner, flat)[0])
            return [layer.over_time(graph, taps)]
        if layer.states:
            return self._scanned(graph, x, inputs[1:])
        return [all_at_once(graph, x, f"{layer.name}/frames", layer.frame)]

    def _scanned(self, graph: GraphBuilder, x: str, begun: list[str]) -> list[str]:
        """A Scan over the frames of x (T,N,C,H,W) from given states or zeros; the outputs that the layer has."""
        layer, states = self.layer, self.layer.states
        body = graph.body()
        for state in states:
            body.input(state.past, state.shape)
        frame = body.input(f"{layer.name}/frame", ("N", layer.channels, *layer.size))
        y = layer.frame(body, frame)
        if any(y == state.present for state in states):
            y = body.node("Identity", y, name=f"{y}_of_this_frame", doc="a value cannot be a state and an output")
        for state in states:
            body.output(state.present, state.shape)
        body.output(y, ("N", layer.channels_out, *layer.size_out))
        with graph.scope(layer.name):
            begin = begun or self._zeros(graph, x)
            *last, frames = graph.scan(body.graph("frame_by_frame"), begin, [x], "over_time", "frame by frame")
            if len(self.shapes_out[0]) == 3:
                newest = graph.constant("newest", np.array(-1, np.int64))
                frames = graph.node("Gather", frames, newest, name="last_frame", axis=0)
        if layer.turned and len(self.shapes_out[0]) == 4:
            frames = reversed_frames(graph, frames, f"{layer.name}/turned")
        return [frames, *last][: len(self.shapes_out)]

    def _zeros(self, graph: GraphBuilder, x: str) -> list[str]:
        """Zeros for each state, of as many movies as x (T,N,C,H,W) has."""
        made = []
        batch = graph.node("Shape", x, name="batch", start=1, end=2)
        for state in self.layer.states:
            if state.size == self.layer.size:
                size = graph.node("Shape", x, name=f"{state.name}_size", start=3, end=5)
            else:
                size = graph.constant(f"{state.name}_size", np.array(state.size, np.int64))
            channels = graph.constant(f"{state.name}_channels", np.array([state.channels], np.int64))
            shape = graph.node("Concat", batch, channels, size, name=f"{state.name}_shape", axis=0)
            zero = numpy_helper.from_array(np.zeros(1, graph.dtype))
            made.append(graph.node("ConstantOfShape", shape, name=f"{state.name}_zeros", value=zero))
        return made


def reversed_frames(graph: GraphBuilder, x: str, scope: str) -> str:
    """The frames of x (T,...), the last one first."""
    with graph.scope(scope):
        names = {"from": -1, "to": np.iinfo(np.int64).min, "axis": 0, "by": -1}
        bounds = [graph.constant(f"backwards_{name}", np.array([number], np.int64)) for name, number in names.items()]
        return graph.node("Slice", x, *bounds, name="backwards", doc="the last frame comes first")


def all_at_once(graph: GraphBuilder, x: str, scope: str, write: Callable[[GraphBuilder, str], str]) -> str:
    """Work without states over all frames x (T,N,C,H,W), as one big batch of frames.

    write: from a batch of frames (N,C,H,W) to its output.
    """
    with graph.scope(scope):
        any_number = graph.constant("any_number", np.array([-1], np.int64))
        frame_size = graph.node("Shape", x, name="frame_size", start=2, end=5)
        flat_shape = graph.node("Concat", any_number, frame_size, name="flat_shape", axis=0)
        flat = graph.node("Reshape", x, flat_shape, name="flat")
    y = write(graph, flat)
    with graph.scope(scope):
        frames_and_movies = graph.node("Shape", x, name="frames_and_movies", start=0, end=2)
        size_out = graph.node("Shape", y, name="size_out", start=1, end=4)
        shape_out = graph.node("Concat", frames_and_movies, size_out, name="shape_out", axis=0)
        return graph.node("Reshape", y, shape_out, name="over_time")
