"""SeparableConv1D and SeparableConv2D: a convolution of each channel by itself, then one of one tap over all channels.

(1)  m = conv(x, depthwise_kernel)          each channel by itself
(2)  y = m @ pointwise_kernel + bias
"""

from collections.abc import Sequence
from typing import Any

from engine.layers.arguments import CONVOLUTION_OF_KERAS_1
from engine.layers.convolutional.per_channel import PerChannelLayer
from engine.layers.keras_form import KerasForm
from engine.layers.layer import BoundLayer, Narrow
from engine.layers.product import BoundConvolution, BoundProduct, GivenRules
from engine.layers.spatial import Movie
from engine.layers.weight import Shape, Weight, WeightSpec
from engine.support.validation import positive_int
from kernels import Backend, Conv3DSpec
from kernels.arrays import Array


class SeparableConvolution(PerChannelLayer):
    """Base of SeparableConv1D and SeparableConv2D, which document their arguments."""

    pointwise_kernel: Weight

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        depth_multiplier: int = 1,
        activation: str | None = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: None = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        axes = self.rank + 2
        rules = {
            "depthwise": GivenRules(axes, depthwise_initializer, depthwise_regularizer, depthwise_constraint),
            "pointwise": GivenRules(axes, pointwise_initializer, pointwise_regularizer, pointwise_constraint),
            "bias": GivenRules(1, bias_initializer, bias_regularizer, bias_constraint),
        }
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, depth_multiplier, activation, use_bias,
            activity_regularizer, rules, name=name, input_shape=input_shape, batch_input_shape=batch_input_shape,
            trainable=trainable,
        )  # fmt: skip
        self.filters = positive_int("filters", filters)

    def channels_after(self, channels: int | None) -> int:
        return self.filters

    def declare_weights(self, shape: Shape) -> list[WeightSpec]:
        pointwise = (*(1,) * self.rank, self.channels(shape) * self.depth_multiplier, self.filters)
        return [
            self.declare_depthwise(shape),
            self.rules["pointwise"].declare("pointwise_kernel", pointwise),
            *self.declare_bias(self.filters),
        ]

    def bind_movie(
        self, backend: Backend, movie: Movie, batch: int, training: bool, logits: bool, narrow: Narrow
    ) -> BoundLayer:
        return _BoundSeparableConvolution(self, backend, self.depthwise_spec(movie, batch, training), logits)

    def get_config(self) -> dict[str, Any]:
        config = {"filters": self.filters, **self.window_config(), "depth_multiplier": self.depth_multiplier}
        return config | self.product_config()


class _BoundSeparableConvolution(BoundProduct):
    def __init__(self, layer: SeparableConvolution, backend: Backend, spec: Conv3DSpec, logits: bool) -> None:
        super().__init__(layer, backend, logits, (*spec.y_shape[:-1], layer.filters), spec.training)
        self._kernel, self._kernel_shape = layer.depthwise_kernel, spec.kernel_shape
        self._depthwise = backend.conv3d(spec)
        self._no_bias, self._unread = backend.zeros((spec.K,)), backend.zeros((spec.K,))
        frames, _, height, width, channels = spec.y_shape
        pointwise = Conv3DSpec(
            T=frames, B=spec.B, H=height, W=width, C=channels, K=layer.filters, kt=1, kh=1, kw=1, training=spec.training
        )
        self._pointwise = BoundConvolution(layer, layer.pointwise_kernel, backend, pointwise, logits=True)

    def multiply(self, x: Array) -> Array:
        self._x = x
        m = self._depthwise.forward(x, self._kernel.value.reshape(self._kernel_shape), self._no_bias)  # (1)
        return self._pointwise.forward(m)  # (2)

    def differentiate(self, dz: Array, need_dx: bool) -> Array | None:
        kernel, gradient = (array.reshape(self._kernel_shape) for array in (self._kernel.value, self._kernel.gradient))
        dm = self._pointwise.backward(dz, need_dx=True)  # (2)
        assert dm is not None
        return self._depthwise.backward(dm, self._x, kernel, gradient, self._unread, need_dx)  # (1)


_SINCE_KERAS_2 = ("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint")
"""Arguments in the files of some Keras 2 that say nothing."""


class SeparableConv1D(SeparableConvolution):
    """A 1-D convolution of each channel, then one of one tap over all of them: (N,L,C) -> (N,L',filters).

    Args:
        filters: channels out.
        kernel_size: steps that an output sees.
        strides: of the window (default 1).
        padding: 'valid' (default; no zeros, so steps at both ends are lost) or 'same'.
        data_format: 'channels_last' (default) or 'channels_first', Keras' (N,C,L) in and out.
        dilation_rate: distance of the kernel's taps (default 1); strides must then be 1.
        depth_multiplier: channels between the two convolutions for each channel in (default 1).
        activation: a name such as 'relu', or as engine.activations has it; None (default) is 'linear'.
        use_bias: default True.
        activity_regularizer: must be None.
        {depthwise,pointwise,bias}_{initializer,regularizer,constraint}: of depthwise_kernel (kernel_size, C,
            depth_multiplier), pointwise_kernel (1, C * depth_multiplier, filters) and bias, as for ConvLSTM2D's.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    _default_name = "separable_conv1d"
    rank = 1
    keras_form = KerasForm("SeparableConv1D", groups=("separable_conv1d",), ignored=_SINCE_KERAS_2)


class SeparableConv2D(SeparableConvolution):
    """A 2-D convolution of each channel, then one of one tap over all of them: (N,H,W,C) -> (N,H',W',filters).

    Movies (N,T,H,W,C) are convolved frame by frame; Keras 3 wants TimeDistributed around it there.

    Args:
        filters: channels out.
        kernel_size: height and width; one integer or two.
        strides: of the window, likewise (default 1).
        padding: 'valid' (default; no zeros, so pixels at the borders are lost) or 'same'.
        data_format: 'channels_last' (default) or 'channels_first', Keras' (N,C,H,W) in and out.
        dilation_rate: distance of the kernel's taps (default 1); strides must then be 1.
        depth_multiplier: channels between the two convolutions for each channel in (default 1).
        activation: a name such as 'relu', or as engine.activations has it; None (default) is 'linear'.
        use_bias: default True.
        activity_regularizer: must be None.
        {depthwise,pointwise,bias}_{initializer,regularizer,constraint}: of depthwise_kernel (height, width, C,
            depth_multiplier), pointwise_kernel (1, 1, C * depth_multiplier, filters) and bias, as for ConvLSTM2D's.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    _default_name = "separable_conv2d"
    rank = 2
    keras_form = KerasForm(
        "SeparableConv2D",
        groups=("separable_conv2d",),
        former_names=("SeparableConvolution2D",),
        ignored=_SINCE_KERAS_2,
        renamed={**CONVOLUTION_OF_KERAS_1, "init": "depthwise_initializer"},
    )
