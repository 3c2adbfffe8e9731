"""What LSTM, ConvLSTM1D and ConvLSTM2D have in common: arguments of the recurrence, weights, states as edges."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.constraints import get_constraint
from engine.initializers import get_initializer
from engine.keras_objects import serialize, serialize_short
from engine.layers.activation_text import checked_activation
from engine.layers.bound_layer import WIDE, BoundNode, Narrow
from engine.layers.carried_state import CarriedState
from engine.layers.recurrent.conv_lstm_bound import StateEdges
from engine.layers.recurrent.direct_call import CalledDirectly
from engine.layers.weight import Shape, WeightSpec
from engine.regularizers import get_regularizer
from engine.support.validation import boolean, in_range, integer, one_of
from kernels import Backend
from kernels.arrays import Array, HostArray
from kernels.operations import ConvLSTM

RECURRENCE_OF_KERAS_1 = {
    "inner_activation": "recurrent_activation",
    "inner_init": "recurrent_initializer",
    "U_regularizer": "recurrent_regularizer",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
}
"""Keras 1's names of a recurrence's arguments."""

GATES_OF_KERAS_1 = (0, 6, 3, 9)
"""Where the arrays of the gates i, f, c, o began among Keras 1's twelve, which had c before f."""


class RecurrentLayer(CalledDirectly):
    """Base of recurrent layers with the gates i, f, g, o. A subclass documents its arguments and says its axes.

    Attributes:
        channel_axis: of the input's shape.
    """

    state_names = ("h", "c")
    channel_axis: int

    def __init__(
        self,
        *,
        activation: Any,
        recurrent_activation: Any,
        use_bias: bool,
        kernel_initializer: Any,
        recurrent_initializer: Any,
        bias_initializer: Any,
        unit_forget_bias: bool,
        kernel_regularizer: Any,
        recurrent_regularizer: Any,
        bias_regularizer: Any,
        activity_regularizer: None,
        kernel_constraint: Any,
        recurrent_constraint: Any,
        bias_constraint: Any,
        return_sequences: bool,
        return_state: bool,
        go_backwards: bool,
        stateful: bool,
        dropout: float,
        recurrent_dropout: float,
        seed: int | None,
        input_shape: tuple[int | None, ...] | None,
        batch_input_shape: tuple[int | None, ...] | None,
        trainable: bool,
        name: str | None,
    ) -> None:
        super().__init__(name, input_shape, batch_input_shape, trainable)
        self.activation = checked_activation("activation", activation, elementwise=True)
        self.recurrent_activation = checked_activation("recurrent_activation", recurrent_activation, elementwise=True)
        self.use_bias = boolean("use_bias", use_bias)
        self.unit_forget_bias = boolean("unit_forget_bias", unit_forget_bias)
        one_of("activity_regularizer", activity_regularizer, [None], "put the penalty on weights")
        self.kernel_initializer = get_initializer("kernel_initializer", kernel_initializer)
        self.recurrent_initializer = get_initializer("recurrent_initializer", recurrent_initializer)
        self.bias_initializer = get_initializer("bias_initializer", bias_initializer)
        self.kernel_regularizer = get_regularizer("kernel_regularizer", kernel_regularizer)
        self.recurrent_regularizer = get_regularizer("recurrent_regularizer", recurrent_regularizer)
        self.bias_regularizer = get_regularizer("bias_regularizer", bias_regularizer)
        rank = len(self.kernel_size) + 2
        self.kernel_constraint = get_constraint("kernel_constraint", kernel_constraint, rank)
        self.recurrent_constraint = get_constraint("recurrent_constraint", recurrent_constraint, rank)
        self.bias_constraint = get_constraint("bias_constraint", bias_constraint, 1)
        self.return_sequences = boolean("return_sequences", return_sequences)
        self.return_state = boolean("return_state", return_state)
        self.go_backwards, self.stateful = boolean("go_backwards", go_backwards), boolean("stateful", stateful)
        self.dropout = in_range("dropout", dropout, 0.0, 1.0)
        self.recurrent_dropout = in_range("recurrent_dropout", recurrent_dropout, 0.0, 1.0)
        self.seed = None if seed is None else integer("seed", seed, 0)
        self.bias = None
        self.carried = CarriedState(self.name, self.state_names)

    # ---------------------------------------------------------------- shapes

    @abstractmethod
    def check_rank(self, shape: Shape) -> None:
        """Refuse an input that is no sequence of what the layer takes."""

    @property
    def activation_name(self) -> str:
        return f"{self.activation} times a gate"

    @property
    def output_count(self) -> int:
        return 3 if self.return_state else 1

    def channels(self, shape: Shape) -> int:
        self.check_rank(shape)
        channels = shape[self.channel_axis]
        if channels is None:
            raise ValueError(f"input_shape: the channels of {self.name}'s input must be known, got {shape}")
        return channels

    def output_shape(self, shape: Shape) -> Shape:
        state = self.state_shape(shape)
        return (shape[0], *state) if self.return_sequences else state

    def output_shapes(self, shapes: Sequence[Shape]) -> list[Shape]:
        if len(shapes) not in (1, 3):
            raise ValueError(f"{self.name}: expected one input, or one and initial_state [h, c], got {len(shapes)}")
        made, state = self.output_shape(shapes[0]), self.state_shape(shapes[0])
        for name, given in zip(self.state_names, shapes[1:], strict=False):
            if len(given) != len(state) or any(a != b for a, b in zip(given, state, strict=True) if a and b):
                raise ValueError(f"{self.name}: initial_state: expected {name} of shape {state}, got {given}")
        return [made, *([state] * 2 if self.return_state else [])]

    # ---------------------------------------------------------------- weights

    def declare_weights(self, shape: Shape) -> list[WeightSpec]:
        gates = 4 * self.filters
        specs = [
            WeightSpec(
                "kernel", (*self.kernel_size, self.channels(shape), gates), self.kernel_initializer,
                self.kernel_regularizer, self.kernel_constraint,
            ),
            WeightSpec(
                "recurrent_kernel", (*self.kernel_size, self.filters, gates), self.recurrent_initializer,
                self.recurrent_regularizer, self.recurrent_constraint,
            ),
            WeightSpec("bias", (gates,), self._initial_bias, self.bias_regularizer, self.bias_constraint),
        ]  # fmt: skip
        return specs if self.use_bias else specs[:2]

    def _initial_arrays(self, specs: list[WeightSpec], random: np.random.Generator) -> list[HostArray]:
        bias = self._initial_bias((4 * self.filters,), random)  # drawn first, used or not: a seed keeps its meaning
        return [bias if spec.name == "bias" else spec.initializer(spec.shape, random) for spec in specs]

    def _initial_bias(self, shape: tuple[int, ...], random: np.random.Generator) -> HostArray:
        F = self.filters
        if not (self.use_bias and self.unit_forget_bias):
            return self.bias_initializer(shape, random)
        parts = self.bias_initializer((F,), random), np.ones(F), self.bias_initializer((2 * F,), random)
        return np.concatenate(parts)

    def shape_for_weights(self, shapes: Sequence[tuple[int, ...]]) -> Shape:
        sizes: list[int | None] = [None] * (len(self.kernel_size) + 2)
        sizes[self.channel_axis] = shapes[0][-2]
        return tuple(sizes)

    # ---------------------------------------------------------------- states, binding

    def reset_states(self, states: Sequence[HostArray] | None = None) -> None:
        if states is not None and all(np.ndim(state) == len(self.kernel_size) + 2 for state in states):
            states = [self.sequence_axes.into_state(np.asarray(state)) for state in states]
        super().reset_states(states)

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
        return StateEdges(self, backend, shapes, batch, training, narrow)

    def recurrent_config(self) -> dict[str, Any]:
        """get_config of the arguments that this class knows."""
        initializers = ("kernel_initializer", "recurrent_initializer", "bias_initializer")
        kinds = ("kernel", "recurrent", "bias")
        rules = [f"{kind}_{what}" for what in ("regularizer", "constraint") for kind in kinds]
        flags = ("return_sequences", "return_state", "go_backwards", "stateful", "dropout", "recurrent_dropout", "seed")
        return {
            "activation": self.activation,
            "recurrent_activation": self.recurrent_activation,
            "use_bias": self.use_bias,
            **{name: serialize_short(getattr(self, name)) for name in initializers},
            "unit_forget_bias": self.unit_forget_bias,
            **{name: serialize(getattr(self, name)) for name in rules},
            **{name: getattr(self, name) for name in flags},
        }
