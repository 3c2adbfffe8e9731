"""Conv1D: a convolution over steps."""

from engine.layers.arguments import CONVOLUTION_OF_KERAS_1
from engine.layers.convolutional.convolution import Convolution
from engine.layers.keras_form import KerasForm


class Conv1D(Convolution):
    """A 1-D convolution over steps: (N,L,C) -> (N,L',filters).

    Axes in front of the steps are more sequences, as in Keras 2.

    Args:
        filters: channels out.
        kernel_size: steps that an output sees.
        strides: of the window (default 1).
        padding: 'valid' (default; no zeros, so steps at both ends are lost), 'same', or 'causal': zeros before the
            first step, so that no output sees a later step.
        data_format: 'channels_last' (default) or 'channels_first', Keras' (N,C,L) in and out.
        dilation_rate: distance of the kernel's taps (default 1); strides must then be 1.
        groups: of channels that do not see one another (default 1); divides channels in and filters.
        activation: a name such as 'relu', or as engine.activations has it; None (default) is 'linear'.
        use_bias: default True.
        activity_regularizer: must be None.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint,
            input_shape, batch_input_shape, trainable, name: as for ConvLSTM2D.
    """

    _default_name = "conv1d"
    rank = 1
    frame_by_frame = True
    paddings = ("valid", "same", "causal")
    keras_form = KerasForm(
        "Conv1D",
        groups=("conv1d",),
        former_names=("Convolution1D", "AtrousConvolution1D"),
        implied={"groups": 1},
        renamed={
            **CONVOLUTION_OF_KERAS_1,
            "filter_length": "kernel_size",
            "subsample_length": "strides",
            "atrous_rate": "dilation_rate",
        },
        kernel_of_keras_1={"channels_last": (0, 2, 3), "channels_first": (0, 2, 3)},
    )
