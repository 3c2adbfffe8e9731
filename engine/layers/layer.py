"""What every layer is: a description with weights, and the same bound to a batch shape.

`Layer.bind` gives a `BoundLayer`: the layer with memory for one batch shape, able to run forward and backward.

Shapes of layers are Keras', without the axis of the batch: (frames, height, width, channels), (height, width,
channels), (steps, features) or (features,). Arrays of back ends always have five axes, time-major (T,B,H,W,C), with
ones for the axes that a shape has not (engine/layers/weight.py, time_major).

A layer of one input and one output implements `bind_to` or `bind`; one of several inputs, such as Concatenate, the
methods for nodes: `output_shapes`, `bind_node`, and `stream_node` if it streams in another way than frame by frame.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from engine.layers.bound_layer import (
    WIDE,
    BoundLayer,
    BoundNode,
    FramewiseNode,
    FramewiseStream,
    Narrow,
    OneToOne,
    OneToOneStream,
    StreamingLayer,
    StreamingNode,
)
from engine.layers.carried_state import CarriedState
from engine.layers.eager import run_on_arrays
from engine.layers.keras_form import Config, KerasForm
from engine.layers.symbolic import call, first_call, is_symbolic
from engine.layers.weight import Shape, checked_input_shape, time_major
from engine.layers.weight_holder import WeightHolder
from kernels import Backend
from kernels.arrays import Array, HostArray
from kernels.operations import ConvLSTM

__all__ = ["WIDE", "BoundLayer", "Layer", "Narrow", "StreamingLayer", "checked_input_shape"]


class Layer(WeightHolder):
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
        dtype: of every layer, as in Keras: None (default), or that of the network, which computes in one.

    Attributes:
        frame_by_frame: whether an output frame depends on the input frame of its own time alone; so the layer streams.
        untrained: names of weights that have no gradient, last in Keras' order.
        state_names: what a stateful layer carries from batch to batch, by name.
        stateful: whether each batch begins with what the one before carried over, until reset_states().
        carried: the carried states; only where stateful.
        is_input: whether the layer is where a network's data come in (InputLayer).
        model: the network that the layer applies in its own way, such as TimeDistributed of a Model; its calls then
            stand in the graph, each layer of it as `wrapping` makes it. None for a layer that computes itself.
        keras_form: how Keras' files know this very class; None: it cannot stand in them. Subclasses do not inherit it.
        lock: see engine/runtime/locks.py.
    """

    frame_by_frame: ClassVar[bool] = False
    state_names: ClassVar[tuple[str, ...]] = ()
    model: Any = None
    is_input: ClassVar[bool] = False
    keras_form: ClassVar[KerasForm | None] = None
    stateful: bool = False
    carried: CarriedState

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

    def output_shape(self, shape: Shape) -> Shape:
        """The shape out, for this shape in (default: the same); ValueError for inputs that the layer cannot take."""
        return shape

    @property
    def output_count(self) -> int:
        """How many outputs a call of the layer has."""
        return 1

    def wrapping(self, layer: "Layer") -> "Layer":
        """A layer of `model` as this layer applies it; always the same object for the same layer."""
        raise NotImplementedError(f"{type(self).__name__}: it has no model")

    def __call__(self, inputs: Any, initial_state: Any = None, training: bool | None = None, mask: None = None) -> Any:
        """Write down a use of the layer on symbolic tensors (see Input and Model), or run it on NumPy arrays.

        Args:
            inputs: one tensor or array, or a list for a layer of several.
            initial_state: [h, c], for a recurrent layer.
            training: None (default): as the network runs. True on arrays: statistics and masks of training.
            mask: must be None.

        Returns the output, or a list of them for a layer of several.
        """
        if mask is not None:
            raise ValueError(f"{self.name}: mask: expected None; sequences are of one length, pad and weigh samples")
        if not is_symbolic(inputs):
            return run_on_arrays(self, inputs, initial_state, bool(training))
        if training is not None and (self.has_dropout or self.untrained):
            raise ValueError(
                f"{self.name}: training: expected None, as the network runs, got {training}; to freeze a "
                "BatchNormalization set trainable=False"
            )
        return call(self, inputs, initial_state)

    @property
    def input(self) -> Any:
        """The symbolic tensor that went into the layer's first call, or a list of several; as in Keras 3."""
        return self._of_first_call("inputs")

    @property
    def output(self) -> Any:
        """The symbolic tensor that the layer's first call gave, or a list of several; as in Keras 3.

        features = Model(network.inputs, network.get_layer("conv_lstm2d_1").output)      # shares the weights
        """
        return self._of_first_call("outputs")

    def _of_first_call(self, which: str) -> Any:
        call = first_call(self)
        if call is None and self.network is not None:
            _ = self.network.inputs  # a Sequential is written down when its tensors are asked for
            call = first_call(self)
        if call is None:
            raise ValueError(f"{self.name}: it has no tensors yet; call it on Input(...), or give its network a shape")
        tensors = getattr(call, which)
        return tensors[0] if len(tensors) == 1 else list(tensors)

    def output_shapes(self, shapes: Sequence[Shape]) -> list[Shape]:
        """The shapes out, for these shapes in; ValueError for inputs that the layer cannot take, or so many."""
        if len(shapes) != 1:
            raise ValueError(f"{self.name}: expected one input, got {len(shapes)}")
        return [self.output_shape(shapes[0])]

    def check_values(self, name: str, array: HostArray) -> None:
        """Refuse data that the layer cannot take where it reads the network's input (default: none); their shape fits.

        name: of the argument, for messages.
        """

    def bind_node(
        self,
        backend: Backend,
        shapes: Sequence[tuple[int, ...]],
        batch: int,
        training: bool,
        logits: bool = False,
        narrow: Narrow = WIDE,
        source: ConvLSTM[Array] | None = None,
    ) -> BoundNode:
        """Give the layer its memory at one place of a network; arguments as for bind, with a shape for each input."""
        return OneToOne(self.bind(backend, shapes[0], batch, training, logits, narrow, source))

    def stream_node(
        self, backend: Backend, batch: int, frames: Sequence[tuple[int, int, int]], narrow: Narrow = WIDE
    ) -> StreamingNode:
        """Give the layer its memory for streams of frames (H,W,C) at one place of a network; only if can_stream."""
        if len(frames) == 1:
            return OneToOneStream(self.stream(backend, batch, frames[0], narrow))
        shapes = [(1, *frame) for frame in frames]
        return FramewiseNode(self.bind_node(backend, shapes, batch, training=False, narrow=narrow))

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
