"""Conv2D: a convolution over height and width, frame by frame."""

from engine.layers.arguments import CONVOLUTION_OF_KERAS_1
from engine.layers.convolutional.convolution import Convolution
from engine.layers.keras_form import KerasForm


class Conv2D(Convolution):
    """A 2-D convolution over frames: (N,H,W,C) -> (N,H',W',filters).

    Movies (N,T,H,W,C) are convolved frame by frame, as in Keras 2; Keras 3 wants TimeDistributed around it there.

    Args:
        filters: channels out.
        kernel_size: height and width; one integer or two.
        strides: of the window, likewise (default 1).
        padding: 'valid' (default; no zeros, so pixels at the borders are lost) or 'same'.
        data_format: 'channels_last' (default) or 'channels_first', Keras' (N,C,H,W) in and out.
        dilation_rate: distance of the kernel's taps (default 1); strides must then be 1.
        groups: of channels that do not see one another (default 1); divides channels in and filters.
        activation: a name such as 'relu', or as engine.activations has it; None (default) is 'linear'.
        use_bias: default True.
        activity_regularizer: must be None.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint,
            input_shape, batch_input_shape, trainable, name: as for ConvLSTM2D.
    """

    _default_name = "conv2d"
    rank = 2
    frame_by_frame = True
    keras_form = KerasForm(
        "Conv2D",
        groups=("conv2d",),
        former_names=("Convolution2D", "AtrousConvolution2D"),
        implied={"groups": 1},
        renamed={**CONVOLUTION_OF_KERAS_1, "atrous_rate": "dilation_rate"},
        kernel_of_keras_1={"channels_first": (2, 3, 1, 0)},
    )
