"""LSTM: the long short-term memory over sequences of vectors (Hochreiter and Schmidhuber 1997), as Keras defines it."""

from typing import Any

from engine.layers.arguments import check_sequence_rank
from engine.layers.keras_form import KerasForm
from engine.layers.recurrent.recurrent_layer import GATES_OF_KERAS_1, RECURRENCE_OF_KERAS_1, RecurrentLayer
from engine.layers.recurrent.sequence_axes import SequenceAxes
from engine.layers.weight import Shape
from engine.support.validation import positive_int


class LSTM(RecurrentLayer):
    """A long short-term memory over sequences of vectors: (N,T,C) -> (N,T,units), or (N,units), its last step.

    It is the ConvLSTM2D whose frames have a pixel for each sequence, with kernels of one tap, and runs on its kernels.

    Args:
        units: size of h and c.
        activation: of the candidate and of c on its way to h (default 'tanh').
        recurrent_activation: of the gates (default 'sigmoid', as in Keras 2.3; Keras 2.2 had 'hard_sigmoid').
        unroll, implementation: Keras' ways to compute the same; any is taken.
        use_bias, kernel_initializer, recurrent_initializer, bias_initializer, unit_forget_bias, kernel_regularizer,
            recurrent_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, return_sequences, return_state, go_backwards, stateful, seed,
            input_shape, batch_input_shape, trainable, name: as for ConvLSTM2D.
    """

    _default_name = "lstm"
    kernel_size = ()
    strides = ()
    dilation_rate = ()
    padding = "valid"
    channel_axis = 1
    sequence_axes = SequenceAxes((3, 0, 2, 1, 4), (1, 3, 2, 0, 4), (0, 3, 2, 1, 4), pixels_are_sequences=True)
    keras_form = KerasForm(
        "LSTM",
        groups=("lstm",),
        cell=("cell", "lstm_cell"),
        defaults={1: {"recurrent_activation": "hard_sigmoid"}},
        since={"seed": 3},
        ignored=("zero_output_for_mask", "time_major", "unroll", "implementation", "use_cudnn", "reset_after"),
        renamed=RECURRENCE_OF_KERAS_1 | {"output_dim": "units"},
        first_of_gates=GATES_OF_KERAS_1,
        gate_argument="recurrent_activation",
        scaled_gates=(True, True, False, True),
    )

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: None = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        implementation: int = 2,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        self.units = self.filters = positive_int("units", units)
        super().__init__(
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            unit_forget_bias=unit_forget_bias,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            input_shape=input_shape,
            batch_input_shape=batch_input_shape,
            trainable=trainable,
            name=name,
        )

    def check_rank(self, shape: Shape) -> None:
        check_sequence_rank(self.name, shape, 2, "vectors, (steps, features)")

    def state_shape(self, shape: Shape) -> Shape:
        self.check_rank(shape)
        return (self.units,)

    def get_config(self) -> dict[str, Any]:
        return {"units": self.units, **self.recurrent_config(), **super().get_config()}
