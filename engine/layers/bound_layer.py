"""What a layer becomes when it is bound to a back end: memory for one batch shape, a forward and a backward pass."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kernels.arrays import Array
from kernels.operations import ConvLSTM


class Narrow(NamedTuple):
    """Which of a layer's arrays are stored in fewer bits than the back end's dtype (kernels/specs/).

    Attributes:
        x: input and its gradient.
        y: output and its gradient.
    """

    x: bool = False
    y: bool = False


WIDE = Narrow()
"""Everything in the back end's dtype."""


class BoundLayer(ABC):
    """A layer with all its memory for one batch shape."""

    @abstractmethod
    def forward(self, x: Array) -> Array:
        """x -> y, time-major; both are kept until the next call."""

    @abstractmethod
    def backward(self, dy: Array, need_dx: bool) -> Array | None:
        """Write the gradients of the layer's weights; return dx (None unless need_dx). dy may be overwritten."""

    def keep_state(self, keep: bool) -> None:
        """Whether forward leaves its mark on the layer: moving averages, states of a stateful layer (default: yes)."""

    def draw(self, random: np.random.Generator) -> None:
        """Draw what the next passes leave to chance: dropout's masks. The same until it is called again."""

    @property
    def conv_lstm(self) -> ConvLSTM[Array] | None:
        """The back end's ConvLSTM whose h is y, and whose dh is dy, both as they stand; None: there is none."""
        return None


class BoundNode(ABC):
    """A layer at one place of a network, with all its memory for one batch shape: several arrays in, several out."""

    @abstractmethod
    def forward(self, inputs: Sequence[Array]) -> Sequence[Array]:
        """Compute the outputs; they and the inputs are kept until the next call, and inputs are left unchanged."""

    @abstractmethod
    def backward(self, gradients: Sequence[Array | None], needed: Sequence[bool]) -> Sequence[Array | None]:
        """Write the gradients of the layer's weights, and return those of the inputs.

        Args:
            gradients: of the outputs, which may be overwritten; None where nothing depends on an output.
            needed: for each input, whether its gradient is asked for.

        Returns an array for each input, None where it is not needed. Each may be overwritten by whoever gets it, so no
        two are the same memory.
        """

    def keep_state(self, keep: bool) -> None:
        """Whether forward leaves its mark on the layer (default: yes)."""

    def draw(self, random: np.random.Generator) -> None:
        """Draw what the next passes leave to chance."""

    @property
    def conv_lstm(self) -> ConvLSTM[Array] | None:
        """The back end's ConvLSTM whose h is the first output (see BoundLayer.conv_lstm)."""
        return None


class OneToOne(BoundNode):
    """A layer of one input and one output as a node."""

    def __init__(self, bound: BoundLayer) -> None:
        self._bound = bound

    def forward(self, inputs: Sequence[Array]) -> Sequence[Array]:
        return (self._bound.forward(inputs[0]),)

    def backward(self, gradients: Sequence[Array | None], needed: Sequence[bool]) -> Sequence[Array | None]:
        assert gradients[0] is not None, "a node that nothing depends on is not differentiated"
        return (self._bound.backward(gradients[0], needed[0]),)

    def keep_state(self, keep: bool) -> None:
        self._bound.keep_state(keep)

    def draw(self, random: np.random.Generator) -> None:
        self._bound.draw(random)

    @property
    def conv_lstm(self) -> ConvLSTM[Array] | None:
        return self._bound.conv_lstm


class StreamingLayer(ABC):
    """A layer that takes one frame at a time and keeps what later frames need."""

    @abstractmethod
    def step(self, x: Array, t: int) -> Array:
        """x (B,H,W,C), frame t of the stream -> y (B,H',W',K); 0 begins a new stream.

        The same arrays are used for any two t > 0 that are both even or both odd, so that their work can be recorded.
        """


class FramewiseStream(StreamingLayer):
    """A stream through a layer whose frames do not know of one another, bound to one frame in inference mode."""

    def __init__(self, bound: BoundLayer) -> None:
        self._bound = bound

    def step(self, x: Array, t: int) -> Array:
        return self._bound.forward(x[None])[0]


class StreamingNode(ABC):
    """A layer at one place of a network that takes one frame of each input at a time."""

    @abstractmethod
    def step(self, inputs: Sequence[Array], t: int) -> Sequence[Array]:
        """Frame t of each input (B,H,W,C) -> of each output (B,H',W',K); 0 begins a new stream (see StreamingLayer)."""


class OneToOneStream(StreamingNode):
    """A stream through a layer of one input and one output as a node."""

    def __init__(self, streaming: StreamingLayer) -> None:
        self._streaming = streaming

    def step(self, inputs: Sequence[Array], t: int) -> Sequence[Array]:
        return (self._streaming.step(inputs[0], t),)


class FramewiseNode(StreamingNode):
    """A stream through a node whose frames do not know of one another, bound to one frame in inference mode."""

    def __init__(self, bound: BoundNode) -> None:
        self._bound = bound

    def step(self, inputs: Sequence[Array], t: int) -> Sequence[Array]:
        return [y[0] for y in self._bound.forward([x[None] for x in inputs])]


def own_random(random: np.random.Generator, seed: int | None) -> np.random.Generator:
    """The random numbers of a layer's masks: the network's, or with a seed of the layer's own others for each draw."""
    return random if seed is None else np.random.default_rng([seed, int(random.integers(2**32))])
