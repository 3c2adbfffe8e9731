"""ConvLSTM2D: an LSTM whose matrix products are convolutions (Shi et al. 2015), as Keras defines it."""

from engine.layers.arguments import CONVOLUTION_OF_KERAS_1, check_movie_rank
from engine.layers.keras_form import KerasForm
from engine.layers.recurrent.conv_lstm_layer import ConvLSTMLayer
from engine.layers.recurrent.recurrent_layer import GATES_OF_KERAS_1, RECURRENCE_OF_KERAS_1
from engine.layers.recurrent.sequence_axes import SequenceAxes
from engine.layers.weight import Shape


class ConvLSTM2D(ConvLSTMLayer):
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
        return_state: layer(x) gives [output, h, c], in a Model too. A Sequential takes no such layer, as in Keras.
        go_backwards: run from the last frame to the first; outputs stay in the order in which they were made.
        stateful: begin each batch with the states that the one before ended with, until reset_states().
        dropout, recurrent_dropout: share of the inputs, of h, that training drops: one mask for each gate, the same for
            all frames of a movie, what is kept is divided by 1 - share (default 0).
        seed: of the masks; None (default): the network's.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    _default_name = "conv_lstm2d"
    rank = 2
    keras_form = KerasForm(
        "ConvLSTM2D",
        groups=("conv_lstm2d", "conv_lst_m2d"),
        cell=("cell", "conv_lstm_cell"),
        defaults={version: {"recurrent_activation": "hard_sigmoid"} for version in (1, 2)}
        | {3: {"recurrent_activation": "sigmoid"}},
        since={"seed": 3},
        ignored=("zero_output_for_mask", "time_major", "unroll"),
        renamed=CONVOLUTION_OF_KERAS_1 | RECURRENCE_OF_KERAS_1,
        first_of_gates=GATES_OF_KERAS_1,
        gate_argument="recurrent_activation",
        scaled_gates=(True, True, False, True),
        one_frame_size=True,
    )

    @property
    def sequence_axes(self) -> SequenceAxes:
        if self.data_format == "channels_last":
            return SequenceAxes()
        return SequenceAxes(into=(0, 1, 3, 4, 2), out=(0, 1, 4, 2, 3), last=(0, 1, 4, 2, 3))

    def check_rank(self, shape: Shape) -> None:
        check_movie_rank(self.name, shape)
