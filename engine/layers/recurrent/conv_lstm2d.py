"""ConvLSTM2D: an LSTM whose matrix products are convolutions (Shi et al. 2015), as Keras defines it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.constraints import get_constraint
from engine.initializers import get_initializer
from engine.keras_objects import serialize, serialize_short
from engine.layers.activation_text import checked_activation
from engine.layers.arguments import (
    CONVOLUTION_OF_KERAS_1,
    DATA_FORMATS,
    any_size,
    check_movie_rank,
    checked_movie_shape,
    checked_padding,
    output_length,
    strides_and_dilation,
)
from engine.layers.carried_state import CarriedState
from engine.layers.keras_form import KerasForm
from engine.layers.layer import WIDE, BoundLayer, Narrow, StreamingLayer
from engine.layers.recurrent.conv_lstm_bound import StreamingConvLSTM2D, bound_in_axes
from engine.layers.recurrent.direct_call import CalledDirectly
from engine.layers.weight import Shape, WeightSpec
from engine.regularizers import get_regularizer
from engine.support.validation import boolean, in_range, int_tuple, integer, one_of, positive_int
from kernels import Backend
from kernels.arrays import Array, HostArray
from kernels.operations import ConvLSTM


class ConvLSTM2D(CalledDirectly):
    """A convolutional LSTM over movies: (N,T,H,W,C) -> (N,T,H',W',filters), or (N,H',W',filters), its last frame.

    Arguments in Keras' order, with Keras 2.3's defaults. padding='same', an odd kernel_size, strides and dilation_rate
    1, activation 'tanh', a sigmoid for the gates and no dropout run on fast kernels of their own; the rest is put
    together from single operations (docs/layers.md).

    Args:
        filters: channels of h and c.
        kernel_size: height and width of both convolutions; one integer or two.
        strides: of the convolution of the input (default 1); h and c have the size of its output.
        padding: 'valid' (default) or 'same', of the input's convolution; that of h is always 'same'.
        data_format: 'channels_last' (default) or 'channels_first', (N,T,C,H,W) in and (N,T,filters,H',W') out.
        dilation_rate: of the convolution of the input (default 1); strides must then be 1.
        activation: of the candidate and of c on its way to h, as engine.activations has them: 'tanh' (default),
            'relu', 'linear' (None means that), ...
        recurrent_activation: of the gates: 'hard_sigmoid' (default, clip(0.2 x + 0.5, 0, 1), as in Keras 2), 'sigmoid'
            (the default of Keras 3), 'hard_sigmoid_keras3' (clip(x/6 + 0.5, 0, 1), what Keras 3 calls hard_sigmoid), or
            any other of the above.
        use_bias: default True.
        kernel_initializer, recurrent_initializer, bias_initializer: see engine.initializers; by name, config or object.
        unit_forget_bias: start the forget gate's bias at 1 (default True).
        kernel_regularizer, recurrent_regularizer, bias_regularizer: see engine.regularizers; default None.
        activity_regularizer: must be None.
        kernel_constraint, recurrent_constraint, bias_constraint: see engine.constraints; default None.
        return_sequences: give h of every frame (default False: of the last).
        return_state: layer(x) gives [output, h, c]. A Sequential takes no such layer, in Keras too.
        go_backwards: run from the last frame to the first; outputs stay in the order in which they were made.
        stateful: begin each batch with the states that the one before ended with, until reset_states().
        dropout, recurrent_dropout: share of the inputs, of h, that training drops: one mask for each gate, the same for
            all frames of a movie, what is kept is divided by 1 - share (default 0).
        seed: of the masks; None (default): the network's.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    _default_name = "conv_lstm2d"
    state_names = ("h", "c")
    keras_form = KerasForm(
        "ConvLSTM2D",
        groups=("conv_lstm2d", "conv_lst_m2d"),
        cell=("cell", "conv_lstm_cell"),
        defaults={version: {"recurrent_activation": "hard_sigmoid"} for version in (1, 2)}
        | {3: {"recurrent_activation": "sigmoid"}},
        since={"seed": 3},
        ignored=("zero_output_for_mask", "time_major", "unroll"),
        refused={"return_state": True},
        renamed=CONVOLUTION_OF_KERAS_1
        | {
            "inner_activation": "recurrent_activation",
            "inner_init": "recurrent_initializer",
            "U_regularizer": "recurrent_regularizer",
            "dropout_W": "dropout",
            "dropout_U": "recurrent_dropout",
        },
        first_of_gates=(0, 6, 3, 9),
        gate_argument="recurrent_activation",
        scaled_gates=(True, True, False, True),
        one_frame_size=True,
    )

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        strides: int | tuple[int, int] = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | tuple[int, int] = (1, 1),
        activation: str | None = "tanh",
        recurrent_activation: str | None = "hard_sigmoid",
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
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape, batch_input_shape, trainable)
        self.filters = positive_int("filters", filters)
        self.kernel_size = int_tuple("kernel_size", kernel_size, 2)
        self.strides, self.dilation_rate = strides_and_dilation(strides, dilation_rate, 2)
        self.padding = checked_padding(padding, ["valid", "same"])
        self.data_format = one_of("data_format", data_format, DATA_FORMATS) or "channels_last"
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
        self.kernel_constraint = get_constraint("kernel_constraint", kernel_constraint, 4)
        self.recurrent_constraint = get_constraint("recurrent_constraint", recurrent_constraint, 4)
        self.bias_constraint = get_constraint("bias_constraint", bias_constraint, 1)
        self.return_sequences = boolean("return_sequences", return_sequences)
        self.return_state = boolean("return_state", return_state)
        self.go_backwards, self.stateful = boolean("go_backwards", go_backwards), boolean("stateful", stateful)
        self.dropout = in_range("dropout", dropout, 0.0, 1.0)
        self.recurrent_dropout = in_range("recurrent_dropout", recurrent_dropout, 0.0, 1.0)
        self.seed = None if seed is None else integer("seed", seed, 0)
        self.bias = None
        self.carried = CarriedState(self.name, self.state_names)

    # ---------------------------------------------------------------- as a layer of a network

    @property
    def activation_name(self) -> str:
        return f"{self.activation} times a gate"

    @property
    def can_stream(self) -> bool:
        return self.return_sequences and not self.go_backwards and self.data_format == "channels_last"

    @property
    def reads_narrow(self) -> bool:
        return self.is_fused(training=True) and self.data_format == "channels_last" and not self.go_backwards

    @property
    def writes_narrow(self) -> bool:
        return self.reads_narrow and self.return_sequences and not self.stateful

    def channels(self, shape: Shape) -> int:
        return checked_movie_shape(self.name, shape, self._channel_axis)

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

    def shape_for_weights(self, shapes: Sequence[tuple[int, ...]]) -> Shape:
        return any_size(shapes[0][-2], self._channel_axis)

    def output_shape(self, shape: Shape) -> Shape:
        check_movie_rank(self.name, shape)
        sizes = shape[2:] if self.data_format == "channels_first" else shape[1:3]
        height, width = (
            output_length(axis, n, k, stride, dilation, self.padding)
            for axis, n, k, stride, dilation in zip(
                ("rows", "columns"), sizes, self.kernel_size, self.strides, self.dilation_rate, strict=True
            )
        )
        if self.data_format == "channels_first":
            frame: Shape = (self.filters, height, width)
        else:
            frame = (height, width, self.filters)
        return (shape[0], *frame) if self.return_sequences else frame

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
        if self.return_state:
            raise ValueError(
                f"return_state: {self.name} would give [output, h, c], and a Sequential takes one output, in Keras "
                "too; call the layer itself, or pass return_state=False"
            )
        return bound_in_axes(self, backend, shape, batch, training, self.is_fused(training), narrow)[0]

    def stream(
        self, backend: Backend, batch: int, frame: tuple[int, int, int], narrow: Narrow = WIDE
    ) -> StreamingLayer:
        return StreamingConvLSTM2D(self, backend, batch, frame, narrow)

    def get_config(self) -> dict[str, Any]:
        initializers = ("kernel_initializer", "recurrent_initializer", "bias_initializer")
        kinds = ("kernel", "recurrent", "bias")
        rules = [f"{kind}_{what}" for what in ("regularizer", "constraint") for kind in kinds]
        flags = ("return_sequences", "return_state", "go_backwards", "stateful", "dropout", "recurrent_dropout", "seed")
        return {
            "filters": self.filters,
            "kernel_size": list(self.kernel_size),
            "strides": list(self.strides),
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": list(self.dilation_rate),
            "activation": self.activation,
            "recurrent_activation": self.recurrent_activation,
            "use_bias": self.use_bias,
            **{name: serialize_short(getattr(self, name)) for name in initializers},
            "unit_forget_bias": self.unit_forget_bias,
            **{name: serialize(getattr(self, name)) for name in rules},
            **{name: getattr(self, name) for name in flags},
            **super().get_config(),
        }

    def _initial_bias(self, shape: tuple[int, ...], random: np.random.Generator) -> HostArray:
        F = self.filters
        if not (self.use_bias and self.unit_forget_bias):
            return self.bias_initializer(shape, random)
        parts = self.bias_initializer((F,), random), np.ones(F), self.bias_initializer((2 * F,), random)
        return np.concatenate(parts)

    @property
    def _channel_axis(self) -> int:
        return 1 if self.data_format == "channels_first" else 3
