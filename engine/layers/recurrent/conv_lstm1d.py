"""ConvLSTM1D: a ConvLSTM over sequences of rows, as Keras defines it."""

from engine.layers.arguments import CONVOLUTION_OF_KERAS_1, check_sequence_rank
from engine.layers.keras_form import KerasForm
from engine.layers.recurrent.conv_lstm_layer import ConvLSTMLayer
from engine.layers.recurrent.sequence_axes import SequenceAxes
from engine.layers.weight import Shape


class ConvLSTM1D(ConvLSTMLayer):
    """A convolutional LSTM over sequences of rows: (N,T,L,C) -> (N,T,L',filters), or (N,L',filters), its last row.

    It is the ConvLSTM2D of frames with one row, and runs on its kernels. Keras has it since 2.6 (tf.keras).

    Args:
        filters: channels of h and c.
        kernel_size: positions that both convolutions see.
        strides: of the convolution of the input (default 1); h and c have the length of its output.
        padding: 'valid' (default) or 'same', of the input's convolution; that of h is always 'same'.
        data_format: 'channels_last' (default) or 'channels_first', (N,T,C,L) in and (N,T,filters,L') out.
        dilation_rate: of the convolution of the input (default 1); strides must then be 1.
        activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
            unit_forget_bias, kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, recurrent_constraint, bias_constraint, return_sequences, return_state, go_backwards,
            stateful, dropout, recurrent_dropout, seed, input_shape, batch_input_shape, trainable, name: as for
            ConvLSTM2D.
    """

    _default_name = "conv_lstm1d"
    rank = 1
    keras_form = KerasForm(
        "ConvLSTM1D",
        groups=("conv_lstm1d", "conv_lst_m1d"),
        cell=("cell", "conv_lstm_cell"),
        defaults={2: {"recurrent_activation": "hard_sigmoid"}, 3: {"recurrent_activation": "sigmoid"}},
        since={"seed": 3},
        ignored=("zero_output_for_mask", "time_major", "unroll"),
        renamed=CONVOLUTION_OF_KERAS_1,
        gate_argument="recurrent_activation",
        scaled_gates=(True, True, False, True),
        one_frame_size=True,
    )

    @property
    def sequence_axes(self) -> SequenceAxes:
        if self.data_format == "channels_last":
            return SequenceAxes(into=(2, 1, 0, 3, 4), out=(2, 1, 0, 3, 4))
        return SequenceAxes(into=(2, 1, 0, 4, 3), out=(2, 1, 0, 4, 3), last=(0, 1, 2, 4, 3))

    def check_rank(self, shape: Shape) -> None:
        check_sequence_rank(self.name, shape, 3, "rows, (steps, positions, channels)")
