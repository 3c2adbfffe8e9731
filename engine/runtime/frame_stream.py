"""A network bound to a stream of frames: one in, one out; what was done before is done again as it was recorded."""

from functools import partial

from engine.graph.graph import Graph
from engine.graph.storage import narrow_calls
from engine.layers.weight import known
from engine.runtime.bound_graph import Repeated
from kernels import Backend
from kernels.arrays import Array


class FrameStream:
    """A graph of one input and one output with its memory for frames of one shape.

    The first frame of a stream is computed as it stands. The others are recorded in two turns, because a ConvLSTM hands
    out two sets of states in turn (ConvLSTM.step).

    Attributes:
        frame: the input (B,H,W,C); write the next frame here.
        output_shape: of what step gives, (B,H',W',K).
    """

    def __init__(self, backend: Backend, graph: Graph, batch: int, frame: tuple[int, int, int]) -> None:
        self.frame = backend.empty((batch, *frame))
        shapes = [known(shape) for shape in graph.value_shapes([(1, *frame)])]
        self._nodes = []
        for call, narrow in zip(graph.calls, narrow_calls(graph), strict=True):
            frames = [shapes[value][1:] for value in call.inputs]
            node = call.layer.stream_node(backend, batch, [(h, w, c) for h, w, c in frames], narrow)
            self._nodes.append((call.inputs, call.outputs, node))
        self._output = graph.outputs[0]
        self.output_shape = (batch, *shapes[self._output][1:])
        self._turns = [Repeated(backend, partial(self._run, t)) for t in (2, 1)]
        self._outputs: dict[int, Array] = {}
        self._t = 0

    def begin(self) -> None:
        """The next frame is the first of a new stream."""
        self._t = 0

    def step(self) -> Array:
        """The output for the frame that stands in `frame`; kept until the next call."""
        turn = self._t % 2
        if self._t == 0:
            self._run(0)
        else:
            self._turns[turn]()
        self._t += 1
        return self._outputs[turn]

    def _run(self, t: int) -> None:
        values: dict[int, Array] = {0: self.frame}
        for inputs, outputs, node in self._nodes:
            made = node.step([values[value] for value in inputs], t)
            values.update(zip(outputs, made, strict=True))
        self._outputs[t % 2] = values[self._output]
