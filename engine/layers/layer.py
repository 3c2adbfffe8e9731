"""What every layer is: a description with weights, and the same bound to a batch shape.

`Layer.bind` gives a `BoundLayer`: the layer with memory for one batch shape, able to run forward and backward.

Shapes of layers are Keras': without the axis of the movies, (frames, height, width, channels), or (height, width,
channels) behind a layer that returns its last frame only. Arrays of back ends are time-major, with five axes: the
first of those, movies, the other three; a single frame counts as one frame in time.
"""

import math
import threading
from abc import ABC
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from engine.keras_objects import snake_case
from engine.layers.bound_layer import WIDE, BoundLayer, FramewiseStream, Narrow, StreamingLayer
from engine.layers.carried_state import CarriedState
from engine.layers.keras_form import Config, KerasForm
from engine.layers.weight import Shape, Weight, WeightSpec, checked_input_shape, time_major
from engine.support.validation import boolean, positive_int
from kernels import Backend
from kernels.arrays import Array, HostArray
from kernels.operations import ConvLSTM

__all__ = ["WIDE", "BoundLayer", "Layer", "Narrow", "StreamingLayer", "checked_input_shape"]


class Layer(ABC):
    """Base of all layers. It declares everything that a network, a file or an exporter asks of a layer.

    A layer of one's own implements `bind_to`, `get_config` if it has arguments, `declare_weights` if it has weights,
    `output_shape` if it changes shapes; engine.register then makes it known by name (docs/adding/layer.md):

        @engine.register
        class Damp(engine.Layer):                       # y = tanh(x), frame by frame
            frame_by_frame = True

            def bind_to(self, backend, x_shape, training):
                return BoundDamp(backend, x_shape)

        class BoundDamp(engine.BoundLayer):
            def __init__(self, backend, x_shape):
                self.tanh, self.y = backend.activation("tanh"), backend.empty(x_shape)

            def forward(self, x):
                self.tanh.forward(x, self.y)
                return self.y

            def backward(self, dy, need_dx):
                self.tanh.backward(self.y, dy, dy)
                return dy

    Args:
        name: default the class's name in Keras' spelling, numbered within a network.
        input_shape: (frames, height, width, channels) of a network's first layer; None where any size will do.
        batch_input_shape: input_shape with the number of movies in front, which every batch must then have; None where
            any will do. Files do not keep that number.
        trainable: False freezes the weights: no update moves them. Set after a network was built, it counts from the
            next compile() on, as in Keras.

    Attributes:
        frame_by_frame: whether an output frame depends on the input frame of its own time alone; so the layer streams.
        untrained: names of weights that have no gradient, last in Keras' order.
        state_names: what a stateful layer carries from batch to batch, by name.
        stateful: whether each batch begins with what the one before carried over, until reset_states().
        carried: the carried states; only where stateful.
        keras_form: how Keras' files know this very class; None: it cannot stand in them. Subclasses do not inherit it.
        lock: see engine/runtime/locks.py.
    """

    frame_by_frame: ClassVar[bool] = False
    untrained: ClassVar[tuple[str, ...]] = ()
    state_names: ClassVar[tuple[str, ...]] = ()
    keras_form: ClassVar[KerasForm | None] = None
    stateful: bool = False
    carried: CarriedState

    _default_name: str = ""

    def __init__(
        self,
        name: str | None = None,
        input_shape: tuple[int | None, ...] | None = None,
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
        self.name = (self._default_name or snake_case(type(self).__name__)) if name is None else name
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
        return self.frame_by_frame

    @property
    def reads_narrow(self) -> bool:
        """Whether x and dx may be narrow (engine/graph/storage.py)."""
        return False

    @property
    def writes_narrow(self) -> bool:
        """Whether y and dy may be narrow (engine/graph/storage.py)."""
        return False

    @property
    def has_dropout(self) -> bool:
        """Whether training draws random masks."""
        return False

    @property
    def has_weights(self) -> bool:
        """Whether the layer declares weights."""
        return type(self).declare_weights is not Layer.declare_weights

    def check_batch(self, movies: int) -> None:
        """Refuse a batch of another size than batch_input_shape says."""
        if self.batch_size not in (None, movies):
            raise ValueError(
                f"batch_input_shape: {self.name} is for batches of {self.batch_size} movies, got one of {movies}"
            )

    def channels(self, shape: Shape) -> int:
        """The size of the input that decides the weights' shapes; ValueError where it is not known or does not fit."""
        channels = shape[-1]
        if channels is None and self.has_weights:
            raise ValueError(f"input_shape: the channels of {self.name}'s input must be known, got {shape}")
        return channels or 0

    def checked_channels(self, shape: Shape) -> int:
        """channels(shape), which must be those that the weights were made for, if there are weights."""
        channels = self.channels(shape)
        if self.weights and channels != self._built_for:
            raise ValueError(
                f"{self.name}: built for inputs of {self._built_for} channels, got {channels} (shape {shape}); a layer "
                "serves one number of channels"
            )
        return channels

    def declare_weights(self, shape: Shape) -> list[WeightSpec]:
        """The weights for inputs of this shape, in Keras' order, `untrained` ones last; none by default."""
        return []

    def weight_shapes(self, shape: Shape) -> list[tuple[int, ...]]:
        """The shapes of the weights for inputs of this shape; nothing is built."""
        return [spec.shape for spec in self.declare_weights(shape)]

    def shape_for_weights(self, shapes: Sequence[tuple[int, ...]]) -> Shape:
        """The shape of movies of any size that weights of these shapes take."""
        return None, None, None, shapes[0][-1]

    def build(self, shape: Shape, random: np.random.Generator) -> None:
        """Create the weights for inputs of this shape, unless they are there; sizes that decide theirs must be known.

        Raises ValueError: they are there for another number of channels.
        """
        channels = self.checked_channels(shape)
        if self.weights:
            return
        self._built_for = channels
        specs = self.declare_weights(shape)
        for spec, initial in zip(specs, self._initial_arrays(specs, random), strict=True):
            has_gradient = spec.name not in self.untrained
            weight = Weight(
                f"{self.name}/{spec.name}", spec.shape, has_gradient and self._trainable, initial, has_gradient,
                spec.regularizer, spec.constraint,
            )  # fmt: skip
            self.weights.append(weight)
            setattr(self, spec.name, weight)

    def _initial_arrays(self, specs: list[WeightSpec], random: np.random.Generator) -> list[HostArray]:
        return [spec.initializer(spec.shape, random) for spec in specs]

    def output_shape(self, shape: Shape) -> Shape:
        """The shape out, for this shape in (default: the same); ValueError for inputs that the layer cannot take."""
        return shape

    def bind(
        self,
        backend: Backend,
        shape: tuple[int, ...],
        batch: int,
        training: bool,
        logits: bool = False,
        narrow: Narrow = WIDE,
        source: ConvLSTM[Array] | None = None,
    ) -> BoundLayer:
        """Give the layer its memory.

        Args:
            shape: of the input, every size known.
            batch: movies.
            training: whether backward will be called, statistics are the batch's own and dropout drops.
            logits: leave the last activation out (the loss folds it in); only where activation_name names one.
            narrow: which of its arrays have fewer bits; only where reads_narrow and writes_narrow say so.
            source: conv_lstm of the layer in front, whose y only this layer reads (Backend.batch_norm).
        """
        return self.bind_to(backend, time_major(shape, batch), training)

    def bind_to(self, backend: Backend, x_shape: tuple[int, int, int, int, int], training: bool) -> BoundLayer:
        """bind, for a layer that asks for no more than this: x_shape (T,B,H,W,C), and whether backward will be called.

        x, y and their gradients are arrays of `backend`; use its operations, and allocate here, not in forward.
        """
        raise NotImplementedError(f"{type(self).__name__}: define bind_to (or bind)")

    def stream(
        self, backend: Backend, batch: int, frame: tuple[int, int, int], narrow: Narrow = WIDE
    ) -> StreamingLayer:
        """Give the layer its memory for streams of frames (H,W,C), each from the zero state; only if can_stream."""
        return FramewiseStream(self.bind(backend, (1, *frame), batch, training=False, narrow=narrow))

    def reset_states(self, states: Sequence[HostArray] | None = None) -> None:
        """Make the states that a stateful layer carries zero, or as given, by state_names."""
        if not self.stateful:
            raise ValueError(f"reset_states: {self.name} is not stateful; pass stateful=True")
        with self.lock:
            self.carried.reset(states)

    def to_keras(self, config: Config) -> list[tuple[KerasForm, Config]]:
        """The Keras layers that this layer is, with their arguments; the last one has the weights.

        config: what get_config says, in Keras' words, with name and dtype; only for classes with a keras_form.
        """
        assert self.keras_form is not None
        return [(self.keras_form, config)]

    def get_config(self) -> dict[str, Any]:
        """The arguments of __init__ but name and input_shape, JSON-able, by Keras' names."""
        return {} if self._trainable else {"trainable": False}

    def count_params(self) -> int:
        """The number of weights, trained or not; 0 before the layer is built."""
        return sum(math.prod(weight.shape) for weight in self.weights)

    def get_weights(self) -> list[HostArray]:
        """Host copies of the weights, in Keras' order."""
        return [weight.to_host() for weight in self.weights]
