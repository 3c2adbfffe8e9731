"""The convolutional LSTM layers, of frames that have rows and columns or columns alone: arguments and shapes."""

from typing import Any, ClassVar

from engine.layers.arguments import DATA_FORMATS, checked_padding, output_length, strides_and_dilation
from engine.layers.bound_layer import WIDE, Narrow, StreamingLayer
from engine.layers.recurrent.conv_lstm_bound import StreamingConvLSTM
from engine.layers.recurrent.recurrent_layer import RecurrentLayer
from engine.layers.weight import Shape
from engine.support.validation import int_tuple, one_of, positive_int
from kernels import Backend

_AXES = ("rows", "columns")


class ConvLSTMLayer(RecurrentLayer):
    """Base of ConvLSTM1D and ConvLSTM2D, which document the arguments.

    Attributes:
        rank: axes of a frame that the convolutions work along, 1 or 2.
    """

    rank: ClassVar[int]

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, ...],
        strides: int | tuple[int, ...] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | tuple[int, ...] = 1,
        activation: Any = "tanh",
        recurrent_activation: Any = "hard_sigmoid",
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
        self.filters = positive_int("filters", filters)
        self.kernel_size = int_tuple("kernel_size", kernel_size, self.rank)
        self.strides, self.dilation_rate = strides_and_dilation(strides, dilation_rate, self.rank)
        self.padding = checked_padding(padding, ["valid", "same"])
        self.data_format = one_of("data_format", data_format, DATA_FORMATS) or "channels_last"
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
        self.channel_axis = 1 if self.data_format == "channels_first" else self.rank + 1

    @property
    def can_stream(self) -> bool:
        return self.return_sequences and not self.go_backwards and self.sequence_axes.of_movies

    @property
    def reads_narrow(self) -> bool:
        return self.is_fused(training=True) and self.sequence_axes.of_movies and not self.go_backwards

    @property
    def writes_narrow(self) -> bool:
        return self.reads_narrow and self.return_sequences and not self.stateful

    def state_shape(self, shape: Shape) -> Shape:
        self.check_rank(shape)
        sizes = [size for axis, size in enumerate(shape) if axis not in (0, self.channel_axis)]
        lengths = (
            output_length(axis, n, k, stride, dilation, self.padding)
            for axis, n, k, stride, dilation in zip(
                _AXES[-self.rank :], sizes, self.kernel_size, self.strides, self.dilation_rate, strict=True
            )
        )
        if self.data_format == "channels_first":
            return (self.filters, *lengths)
        return (*lengths, self.filters)

    def stream(
        self, backend: Backend, batch: int, frame: tuple[int, int, int], narrow: Narrow = WIDE
    ) -> StreamingLayer:
        return StreamingConvLSTM(self, backend, batch, frame, narrow)

    def get_config(self) -> dict[str, Any]:
        return {
            "filters": self.filters,
            "kernel_size": list(self.kernel_size),
            "strides": list(self.strides),
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": list(self.dilation_rate),
            **self.recurrent_config(),
            **super().get_config(),
        }
