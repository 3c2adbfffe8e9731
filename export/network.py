"""A network as the graphs need it: uses of layers with their weights, and the shapes of all values."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.graph.graph import Graph, GraphCall
from export.graph_builder import GraphBuilder
from export.layers import FrameCall, FrameLayer, GraphShape, Size, State, WholeLayer, read_call

_AXES = {4: ("T", "H", "W", "C"), 3: ("H", "W", "C"), 2: ("L", "C"), 1: ("C",)}


@dataclass(frozen=True)
class NetworkCall:
    """One use of a layer: what writes it, and the numbers of the values that it reads and makes."""

    nodes: WholeLayer
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Network:
    """A network read for export.

    Attributes:
        name: of the network.
        calls: in order.
        inputs, outputs: numbers of the values that go in and come out.
        input_names, output_names: what the graph calls them.
        shapes: of every value; names for sizes that are known only when the graph runs.
    """

    name: str
    calls: list[NetworkCall]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    input_names: list[str]
    output_names: list[str]
    shapes: list[GraphShape]

    @property
    def layers(self) -> list[FrameLayer]:
        """What writes the layers frame by frame, first to last; only of those that can be written so."""
        return [call.nodes.layer for call in self.calls if isinstance(call.nodes, FrameCall)]

    @property
    def is_chain_of_frames(self) -> bool:
        """Whether the network is one chain of layers of movies, whose last may leave one frame."""
        at = 0
        for call in self.calls:
            frames = isinstance(call.nodes, FrameCall) and call.inputs == (at,) and len(call.outputs) == 1
            if not frames or len(self.shapes[at]) < 3:
                return False
            at = call.outputs[0]
        return len(self.inputs) == 1 and self.outputs == (at,) and len(self.shapes[0]) == 4 and bool(self.calls)

    @property
    def input_shape(self) -> GraphShape:
        """The shape of the one input."""
        return self.shapes[self.inputs[0]]

    @property
    def size(self) -> Size:
        """Height and width of an input frame."""
        return self.input_shape[1], self.input_shape[2]

    @property
    def channels(self) -> int:
        """Channels of an input frame."""
        return int(self.input_shape[-1])

    @property
    def size_out(self) -> Size:
        """Height and width of an output frame."""
        return self.shapes[self.outputs[0]][-3], self.shapes[self.outputs[0]][-2]

    @property
    def channels_out(self) -> int:
        """Channels of an output frame."""
        return int(self.shapes[self.outputs[0]][-1])

    @property
    def last_frame_only(self) -> bool:
        """Whether the output is that of the last frame."""
        return len(self.shapes[self.outputs[0]]) == 3

    @property
    def states(self) -> list[State]:
        """The states that all layers together carry from frame to frame."""
        return states_of(self.layers)

    @property
    def looks_ahead(self) -> bool:
        """True if an output frame depends on later input frames."""
        return any(layer.looks_ahead for layer in self.layers)

    def frame(self, graph: GraphBuilder, x: str) -> str:
        """Write the nodes for one frame x (N,C,H,W); returns the output."""
        values = {self.inputs[0]: x}
        for call in self.calls:
            made = call.nodes.step(graph, [values[value] for value in call.inputs])
            values.update(zip(call.outputs, made, strict=True))
        return values[self.outputs[0]]

    def check_frame_by_frame(self, graph: str) -> None:
        """Raise ValueError unless the network can run one frame at a time."""
        if len(self.inputs) != 1 or len(self.outputs) != 1 or len(self.input_shape) != 4:
            raise ValueError(
                f"graph: {graph!r} runs frame by frame, and this network has {len(self.inputs)} inputs, "
                f"{len(self.outputs)} outputs, the first of shape {self.input_shape}: expected one of each and movies, "
                "or graph='sequence'"
            )
        readers = Counter(value for call in self.calls for value in call.inputs)
        for call in self.calls:
            layer = call.nodes.layer if isinstance(call.nodes, FrameCall) else None
            if not call.nodes.can_step or (layer is not None and layer.backwards):
                raise ValueError(
                    f"graph: {graph!r} runs frame by frame, and layer {call.nodes.name!r} needs whole movies (it goes "
                    "backwards, takes or gives states, reshapes, or is a Conv3D with strides, dilation, groups, an "
                    "even kernel or padding='valid'): expected graph='sequence'"
                )
            if layer is not None and layer.looks_ahead and (readers[call.outputs[0]] or call.outputs != self.outputs):
                raise ValueError(
                    f"graph: {graph!r} runs frame by frame, and layer {call.nodes.name!r} needs later frames before "
                    "the next layer can go on: expected padding='causal' or a kernel of depth 1 there, or "
                    "graph='sequence'"
                )


def read_network(network: Any, dynamic_size: bool) -> Network:
    """Read a built engine network; with dynamic_size, height and width are left open even where it has them fixed."""
    graph: Graph = network.graph
    if not graph.calls:
        raise ValueError("network: expected at least one layer, got none")
    if None in graph.input_shapes:
        raise ValueError("network: expected a built network, got one without input_shape")
    inputs = [_opened(shape or (), dynamic_size) for shape in graph.input_shapes]
    engine_shapes = graph.value_shapes([tuple(n if isinstance(n, int) else None for n in shape) for shape in inputs])
    shapes = [*inputs, *(_named(shape) for shape in engine_shapes[len(inputs) :])]
    seen: Counter[str] = Counter()
    calls = []
    for call in graph.calls:
        nodes = read_call(
            call.layer, _name(call, seen), [shapes[v] for v in call.inputs], [shapes[v] for v in call.outputs],
            call.initial_states,
        )  # fmt: skip
        calls.append(NetworkCall(nodes, call.inputs, call.outputs))
        for value in call.outputs:
            shapes[value] = _renamed(shapes[value], nodes, shapes[call.inputs[0]])
    single = len(inputs) == 1
    return Network(
        name=network.name,
        calls=calls,
        inputs=tuple(range(len(inputs))),
        outputs=graph.outputs,
        input_names=["movies"] if single else graph.input_names,
        output_names=["predictions"] if len(graph.outputs) == 1 else _apart(graph.output_names, graph.input_names),
        shapes=shapes,
    )


def _opened(shape: Sequence[int | None], dynamic_size: bool) -> GraphShape:
    named = _named(shape)
    if len(shape) < 3 or not dynamic_size:
        return named
    return (*named[:-3], "H", "W", named[-1])


def _named(shape: Sequence[int | None]) -> GraphShape:
    return tuple(name if size is None else size for size, name in zip(shape, _AXES[len(shape)], strict=True))


def _renamed(shape: GraphShape, nodes: WholeLayer, given: GraphShape) -> GraphShape:
    """An output's shape with the names that its open sizes have, such as a part of the input's height."""
    if len(shape) < 3 or not any(isinstance(length, str) for length in shape[-3:-1]):
        return shape
    if isinstance(nodes, FrameCall):
        return (*shape[:-3], *nodes.layer.size_out, shape[-1])
    return (*shape[:-3], *given[-3:-1], shape[-1]) if len(given) >= 3 else shape


def _name(call: GraphCall, seen: Counter[str]) -> str:
    """The layer's name with the models around it; a number for its second use and later ones."""
    name = f"{call.path}{call.layer.name}"
    seen[name] += 1
    return name if seen[name] == 1 else f"{name}:{seen[name]}"


def _apart(names: list[str], others: list[str]) -> list[str]:
    """Names of outputs that are no inputs'."""
    return [f"{name}_output" if name in others else name for name in names]


def states_of(layers: Sequence[FrameLayer]) -> list[State]:
    """Return the states of some layers, in the order of the layers."""
    return [state for layer in layers for state in layer.states]
