"""DepthwiseConv1D and DepthwiseConv2D: a convolution of each channel by itself."""

from collections.abc import Sequence
from typing import Any

from engine.layers.convolutional.per_channel import PerChannelLayer
from engine.layers.keras_form import KerasForm
from engine.layers.layer import BoundLayer, Narrow
from engine.layers.product import BoundConvolution, GivenRules
from engine.layers.spatial import Movie
from engine.layers.weight import Shape, WeightSpec
from kernels import Backend


class DepthwiseConvolution(PerChannelLayer):
    """Base of DepthwiseConv1D and DepthwiseConv2D, which document their arguments."""

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        activation: str | None = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: None = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        rules = {
            "depthwise": GivenRules(self.rank + 2, depthwise_initializer, depthwise_regularizer, depthwise_constraint),
            "bias": GivenRules(1, bias_initializer, bias_regularizer, bias_constraint),
        }
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, depth_multiplier, activation, use_bias,
            activity_regularizer, rules, name=name, input_shape=input_shape, batch_input_shape=batch_input_shape,
            trainable=trainable,
        )  # fmt: skip

    def channels_after(self, channels: int | None) -> int | None:
        return None if channels is None else channels * self.depth_multiplier

    def declare_weights(self, shape: Shape) -> list[WeightSpec]:
        return [self.declare_depthwise(shape), *self.declare_bias(self.channels(shape) * self.depth_multiplier)]

    def bind_movie(
        self, backend: Backend, movie: Movie, batch: int, training: bool, logits: bool, narrow: Narrow
    ) -> BoundLayer:
        spec = self.depthwise_spec(movie, batch, training)
        return BoundConvolution(self, self.depthwise_kernel, backend, spec, logits)

    def get_config(self) -> dict[str, Any]:
        return {**self.window_config(), "depth_multiplier": self.depth_multiplier, **self.product_config()}


_SINCE_KERAS_2 = ("groups",)
"""Arguments in the files of some Keras 2 that say nothing."""


class DepthwiseConv1D(DepthwiseConvolution):
    """A 1-D convolution of each channel by itself: (N,L,C) -> (N,L',C * depth_multiplier).

    Args:
        kernel_size: steps that an output sees.
        strides: of the window (default 1).
        padding: 'valid' (default; no zeros, so steps at both ends are lost) or 'same'.
        depth_multiplier: channels out for each channel in (default 1).
        data_format: 'channels_last' (default) or 'channels_first', Keras' (N,C,L) in and out.
        dilation_rate: distance of the kernel's taps (default 1); strides must then be 1.
        activation: a name such as 'relu', or as engine.activations has it; None (default) is 'linear'.
        use_bias: default True.
        activity_regularizer: must be None.
        depthwise_initializer, bias_initializer, depthwise_regularizer, bias_regularizer, depthwise_constraint,
            bias_constraint: of depthwise_kernel (kernel_size, C, depth_multiplier) and bias, as for ConvLSTM2D's.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    _default_name = "depthwise_conv1d"
    rank = 1
    keras_form = KerasForm("DepthwiseConv1D", groups=("depthwise_conv1d",), ignored=_SINCE_KERAS_2)


class DepthwiseConv2D(DepthwiseConvolution):
    """A 2-D convolution of each channel by itself: (N,H,W,C) -> (N,H',W',C * depth_multiplier).

    Movies (N,T,H,W,C) are convolved frame by frame; Keras 3 wants TimeDistributed around it there.

    Args:
        kernel_size: height and width; one integer or two.
        strides: of the window, likewise (default 1).
        padding: 'valid' (default; no zeros, so pixels at the borders are lost) or 'same'.
        depth_multiplier: channels out for each channel in (default 1).
        data_format: 'channels_last' (default) or 'channels_first', Keras' (N,C,H,W) in and out.
        dilation_rate: distance of the kernel's taps (default 1); strides must then be 1.
        activation: a name such as 'relu', or as engine.activations has it; None (default) is 'linear'.
        use_bias: default True.
        activity_regularizer: must be None.
        depthwise_initializer, bias_initializer, depthwise_regularizer, bias_regularizer, depthwise_constraint,
            bias_constraint: of depthwise_kernel (height, width, C, depth_multiplier) and bias, as for ConvLSTM2D's.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    _default_name = "depthwise_conv2d"
    rank = 2
    keras_form = KerasForm("DepthwiseConv2D", groups=("depthwise_conv2d",), ignored=_SINCE_KERAS_2)
