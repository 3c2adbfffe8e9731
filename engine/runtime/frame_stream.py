"""A network bound to a stream of frames: one in, one out; what was done before is done again as it was recorded."""

from functools import partial

from engine.graph.storage import narrow_between
from engine.layers import Layer
from engine.layers.weight import known
from engine.runtime.bound_graph import Repeated
from kernels import Backend
from kernels.arrays import Array


class FrameStream:
    """Layers with their memory for frames of one shape.

    The first frame of a stream is computed as it stands. The others are recorded in two turns, because a ConvLSTM hands
    out two sets of states in turn (ConvLSTM.step).

    Attributes:
        frame: the input (B,H,W,C); write the next frame here.
        output_shape: of what step gives, (B,H',W',K).
    """

    def __init__(self, backend: Backend, layers: list[Layer], batch: int, frame: tuple[int, int, int]) -> None:
        self.frame = backend.empty((batch, *frame))
        self._layers = []
        shape: tuple[int, ...] = (1, *frame)
        for layer, narrow in zip(layers, narrow_between(layers), strict=True):
            self._layers.append(layer.stream(backend, batch, (shape[1], shape[2], shape[3]), narrow))
            shape = known(layer.output_shape(shape))
        self.output_shape = (batch, *shape[1:])
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
        y = self.frame
        for layer in self._layers:
            y = layer.step(y, t)
        self._outputs[t % 2] = y
