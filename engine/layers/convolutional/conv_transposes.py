"""Conv1DTranspose, Conv2DTranspose and Conv3DTranspose: convolutions that make frames larger."""

from collections.abc import Sequence
from typing import Any

from engine.layers.arguments import CONVOLUTION_OF_KERAS_1
from engine.layers.convolutional.transposed import TransposedConvolution
from engine.layers.keras_form import KerasForm

_SINCE_KERAS_2 = ("groups",)
"""Arguments in the files of some Keras 2 that say nothing."""


class Conv1DTranspose(TransposedConvolution):
    """A transposed 1-D convolution over steps: (N,L,C) -> (N,L',filters).

    Args:
        filters: channels out.
        kernel_size: steps out that a step in reaches.
        strides: how far apart the steps in stand among those out (default 1).
        padding: 'valid' (default: all steps out that one reaches) or 'same' (strides times as many as in).
        output_padding: steps more at the end, below strides; None (default): as many as there are in TensorFlow.
        data_format: 'channels_last' (default) or 'channels_first', Keras' (N,C,L) in and out.
        dilation_rate: distance of the kernel's taps (default 1); strides must then be 1.
        activation: a name such as 'relu', or as engine.activations has it; None (default) is 'linear'.
        use_bias: default True.
        activity_regularizer: must be None.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint,
            input_shape, batch_input_shape, trainable, name: as for ConvLSTM2D.
    """

    _default_name = "conv1d_transpose"
    rank = 1
    frame_by_frame = True
    keras_form = KerasForm("Conv1DTranspose", groups=("conv1d_transpose",), ignored=_SINCE_KERAS_2)


class Conv2DTranspose(TransposedConvolution):
    """A transposed 2-D convolution over frames: (N,H,W,C) -> (N,H',W',filters).

    Movies (N,T,H,W,C) are convolved frame by frame; Keras 3 wants TimeDistributed around it there.

    Args:
        filters: channels out.
        kernel_size: height and width of what a pixel in reaches; one integer or two.
        strides: how far apart the pixels in stand among those out (default 1).
        padding: 'valid' (default: all pixels out that one reaches) or 'same' (strides times as many rows and columns).
        output_padding: rows and columns more at the ends, below strides; None (default): as many as there are in
            TensorFlow.
        data_format: 'channels_last' (default) or 'channels_first', Keras' (N,C,H,W) in and out.
        dilation_rate: distance of the kernel's taps (default 1); strides must then be 1.
        activation: a name such as 'relu', or as engine.activations has it; None (default) is 'linear'.
        use_bias: default True.
        activity_regularizer: must be None.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint,
            input_shape, batch_input_shape, trainable, name: as for ConvLSTM2D.
    """

    _default_name = "conv2d_transpose"
    rank = 2
    frame_by_frame = True
    keras_form = KerasForm(
        "Conv2DTranspose",
        groups=("conv2d_transpose",),
        former_names=("Deconvolution2D",),
        ignored=(*_SINCE_KERAS_2, "output_shape"),
        renamed=CONVOLUTION_OF_KERAS_1,
        kernel_of_keras_1={"channels_last": (0, 1, 3, 2), "channels_first": (2, 3, 0, 1)},
    )


class Conv3DTranspose(TransposedConvolution):
    """A transposed 3-D convolution over movies: (N,T,H,W,C) -> (N,T',H',W',filters).

    Args:
        filters: channels out.
        kernel_size: depth in time, height and width of what a pixel in reaches; one integer or three.
        strides: how far apart the pixels in stand among those out (default 1).
        padding: 'valid' (default: all pixels out that one reaches) or 'same' (strides times as many on each axis).
        data_format: 'channels_last' (default) or 'channels_first', Keras' (N,C,T,H,W) in and out.
        output_padding: frames, rows and columns more at the ends, below strides; None (default): as many as there are
            in TensorFlow.
        dilation_rate: distance of the kernel's taps (default 1); strides must then be 1.
        activation: a name such as 'relu', or as engine.activations has it; None (default) is 'linear'.
        use_bias: default True.
        activity_regularizer: must be None.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint,
            input_shape, batch_input_shape, trainable, name: as for ConvLSTM2D.
    """

    _default_name = "conv3d_transpose"
    rank = 3
    keras_form = KerasForm("Conv3DTranspose", groups=("conv3d_transpose",), ignored=_SINCE_KERAS_2)

    def __init__(  # Keras 3 has these two arguments the other way round here
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: int | Sequence[int] | None = None,
        dilation_rate: int | Sequence[int] = 1,
        activation: str | None = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: None = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(
            filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate, activation, use_bias,
            kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, bias_constraint, input_shape, batch_input_shape, trainable, name,
        )  # fmt: skip
