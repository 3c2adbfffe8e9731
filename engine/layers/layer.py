"""What every layer is: a description with weights, and the same bound to a batch shape.

A `Layer` knows its arguments and owns its weights. `bind` gives a `BoundLayer`: the layer with a plan of its back end
for one batch shape, able to run forward and, in training, backward.

Shapes of layers are Keras': without the axis of the movies, (frames, height, width, channels), or (height, width,
channels) behind a layer that returns its last frame only. Arrays of back ends are time-major, with five axes: the
first of those, movies, the other three; a single frame counts as one frame in time.
"""

import math
import threading
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np

from engine.layers.weight import Shape, Weight
from engine.regularizers import Regularizer
from engine.support.validation import boolean, positive_int
from kernels import Backend
from kernels.backend import Plan

Array = Any
HostArray = np.ndarray[Any, Any]


class Narrow(NamedTuple):
    """Which of a layer's arrays are stored in fewer bits than the back end's dtype (kernels/specs.py).

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
    def conv_lstm_plan(self) -> Plan | None:
        """The back end's ConvLSTM plan whose h is y, and whose dh is dy, both as they stand; None: there is none."""
        return None


class StreamingLayer(ABC):
    """A layer that takes one frame at a time and keeps what later frames need."""

    @abstractmethod
    def step(self, x: Array, t: int) -> Array:
        """x (B,H,W,C), frame t of the stream -> y (B,H',W',K); 0 begins a new stream.

        The same arrays are used for any two t > 0 that are both even or both odd, so that their work can be recorded.
        """


class Layer(ABC):
    """A layer's description and weights.

    Args of every layer:
        name: default the class's name in Keras' spelling, numbered within a network.
        input_shape: (frames, height, width, channels) of a network's first layer; None where any size will do.
        batch_input_shape: the same with the number of movies in front, which every batch must then have; None where
            any will do. Files do not keep that number.
        trainable: False freezes the weights: no update moves them. Set after a network was built, it counts from the
            next compile() on, as in Keras.

    Attributes:
        lock: see engine/runtime/locks.py.
    """

    _default_name: str

    def __init__(
        self,
        name: str | None,
        input_shape: tuple[int | None, ...] | None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
    ) -> None:
        self.batch_size: int | None = None
        if batch_input_shape is not None:
            if input_shape is not None:
                raise ValueError("batch_input_shape: give it or input_shape, not both")
            if not isinstance(batch_input_shape, list | tuple) or len(batch_input_shape) < 2:
                raise ValueError(f"batch_input_shape: expected (movies, frames, ...), got {batch_input_shape!r}")
            if batch_input_shape[0] is not None:
                self.batch_size = positive_int("batch_input_shape[0]", batch_input_shape[0])
            input_shape = tuple(batch_input_shape[1:])
        self.weights: list[Weight] = []
        self.given_name = name
        self.name = self._default_name if name is None else name
        self.input_shape = checked_input_shape(input_shape)
        self.lock: Any = threading.RLock()
        self._built_for = 0
        self._trainable = boolean("trainable", trainable)

    def __getstate__(self) -> dict[str, Any]:
        """A copy is of no network, with the same weights and states; no call of it has been made."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_direct", "lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, lock=threading.RLock())

    @property
    def name(self) -> str:
        """A non-empty string without '/'. When it is set the weights' names follow, as files hold both."""
        return self._name

    @name.setter
    def name(self, value: str) -> None:
        if not isinstance(value, str) or not value or "/" in value:
            raise ValueError(f"name: expected a non-empty string without '/', got {value!r}")
        self._name = value
        for weight in self.weights:
            weight.name = f"{value}/{weight.name.rpartition('/')[2]}"

    @property
    def trainable(self) -> bool:
        """Whether updates move the weights."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = boolean("trainable", value)
        for weight in self.weights:
            weight.trainable = self._trainable and weight.has_gradient

    @property
    def trainable_weights(self) -> list[Weight]:
        """The weights that training moves by their gradient, in Keras' order."""
        return [weight for weight in self.weights if weight.trainable]

    @property
    def activation_name(self) -> str:
        """The activation that the layer's output went through, as a loss wants to know it."""
        return "linear"

    @property
    def looks_ahead(self) -> bool:
        """Whether an output frame depends on later input frames."""
        return False

    @property
    def can_stream(self) -> bool:
        """Whether each frame in gives one frame out, so that stream() can serve."""
        return True

    @property
    def reads_narrow(self) -> bool:
        """Whether x and dx may be narrow (engine/graph/storage.py)."""
        return False

    @property
    def writes_narrow(self) -> bool:
        """Whether y and dy may be."""
        return False

    @property
    def has_dropout(self) -> bool:
        """Whether training draws random masks."""
        return False

    def check_batch(self, movies: int) -> None:
        """Refuse a batch of another size than batch_input_shape says."""
        if self.batch_size not in (None, movies):
            raise ValueError(
                f"batch_input_shape: {self.name} is for batches of {self.batch_size} movies, got one of {movies}"
            )

    @abstractmethod
    def channels(self, shape: Shape) -> int:
        """The size of the input that decides the weights' shapes; ValueError where it is not known or does not fit."""

    def build(self, shape: Shape, random: np.random.Generator) -> None:
        """Create the weights for inputs of this shape, unless they are there; sizes that decide theirs must be known.

        Raises ValueError: they are there for another number of channels.
        """
        channels = self.checked_channels(shape)
        if not self.weights:
            self._built_for = channels
            self._create_weights(shape, random)

    def checked_channels(self, shape: Shape) -> int:
        """channels(shape), which must be those that the weights were made for, if there are weights."""
        channels = self.channels(shape)
        if self.weights and channels != self._built_for:
            raise ValueError(
                f"{self.name}: built for inputs of {self._built_for} channels, got {channels} (shape {shape}); a layer "
                "serves one number of channels"
            )
        return channels

    @abstractmethod
    def _create_weights(self, shape: Shape, random: np.random.Generator) -> None:
        """For inputs of this shape."""

    @abstractmethod
    def output_shape(self, shape: Shape) -> Shape:
        """The shape out, for this shape in; ValueError for inputs that the layer cannot take."""

    @abstractmethod
    def bind(
        self,
        backend: Backend,
        shape: tuple[int, ...],
        batch: int,
        training: bool,
        logits: bool = False,
        narrow: Narrow = WIDE,
        source: Plan | None = None,
    ) -> BoundLayer:
        """Give the layer its memory.

        Args:
            shape: of the input, every size known.
            batch: movies.
            training: whether backward will be called, statistics are the batch's own and dropout drops.
            logits: leave the last activation out (the loss folds it in).
            narrow: which of its arrays are; only where reads_narrow and writes_narrow say so.
            source: conv_lstm_plan of the layer in front, whose y only this layer reads (Backend.batch_norm_plan).
        """

    @abstractmethod
    def stream(
        self, backend: Backend, batch: int, frame: tuple[int, int, int], narrow: Narrow = WIDE
    ) -> StreamingLayer:
        """Give the layer its memory for streams of frames (H,W,C), each from the zero state; only if can_stream."""

    def get_config(self) -> dict[str, Any]:
        """The arguments of __init__ but name and input_shape, JSON-able, by Keras' names."""
        return {} if self._trainable else {"trainable": False}

    def count_params(self) -> int:
        """The number of weights, trained or not; 0 before the layer is built."""
        return sum(math.prod(weight.shape) for weight in self.weights)

    def get_weights(self) -> list[HostArray]:
        """Host copies of the weights, in Keras' order."""
        return [weight.to_host() for weight in self.weights]

    def _add_weight(
        self,
        name: str,
        shape: tuple[int, ...],
        initial: HostArray,
        has_gradient: bool = True,
        regularizer: Regularizer | None = None,
        constraint: Any = None,
    ) -> Weight:
        trainable = has_gradient and self._trainable
        weight = Weight(f"{self.name}/{name}", shape, trainable, initial, has_gradient, regularizer, constraint)
        self.weights.append(weight)
        return weight


def checked_input_shape(shape: Any) -> Shape | None:
    """A shape without the movies' axis, as a tuple; None stays None."""
    if shape is None:
        return None
    ok = isinstance(shape, list | tuple) and len(shape) in (3, 4)
    if not ok or any(size is not None and not _is_size(size) for size in shape):
        raise ValueError(
            "input_shape: expected (frames, height, width, channels), each at least 1, or None where any size will "
            f"do, got {shape!r}"
        )
    return tuple(None if size is None else int(size) for size in shape)


def _is_size(size: Any) -> bool:
    return isinstance(size, int | np.integer) and not isinstance(size, bool) and bool(size >= 1)
