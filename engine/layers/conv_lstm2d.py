"""ConvLSTM2D: an LSTM whose matrix products are convolutions (Shi et al. 2015), as Keras defines it."""

from typing import Any

import numpy as np

from engine.initializers import INITIALIZERS, get_initializer
from engine.layers.layer import Array, BoundLayer, Layer, StreamingLayer
from engine.validation import odd_sizes, one_of, positive_int
from kernels import Backend, ConvLSTMSpec


class ConvLSTM2D(Layer):
    """A convolutional LSTM over movies: (N,T,H,W,C) -> (N,T,H,W,filters).

    Defaults are Keras 2.3's where the engine offers the choice. Keras' other defaults (padding='valid',
    return_sequences=False) are named in the signature and refused with what to write instead.

    Args:
        filters: channels of h and c.
        kernel_size: odd height and width of both convolutions; one integer or two.
        padding: must be 'same'.
        return_sequences: must be True.
        activation: must be 'tanh'.
        recurrent_activation: of the gates: 'hard_sigmoid' (default, clip(0.2 x + 0.5, 0, 1), as in Keras 2), 'sigmoid'
            (the default of Keras 3), or 'hard_sigmoid_keras3' (clip(x/6 + 0.5, 0, 1), what Keras 3 calls hard_sigmoid).
        unit_forget_bias: start the forget gate's bias at 1 (default True).
        kernel_initializer, recurrent_initializer, bias_initializer: 'glorot_uniform', 'orthogonal', 'zeros', 'ones'.
        input_shape: (frames, height, width, channels) of the network's first layer; None where any size will do.
        name: default 'conv_lstm2d', numbered within a network.
    """

    _default_name = "conv_lstm2d"

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        padding: str = "valid",
        return_sequences: bool = False,
        activation: str = "tanh",
        recurrent_activation: str = "hard_sigmoid",
        unit_forget_bias: bool = True,
        kernel_initializer: str = "glorot_uniform",
        recurrent_initializer: str = "orthogonal",
        bias_initializer: str = "zeros",
        strides: int | tuple[int, int] = (1, 1),
        dilation_rate: int | tuple[int, int] = (1, 1),
        data_format: str | None = None,
        input_shape: tuple[int | None, ...] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape)
        self.filters = positive_int("filters", filters)
        self.kernel_size = odd_sizes("kernel_size", kernel_size, 2)
        one_of("padding", padding, ["same"], "pass padding='same'")
        one_of("return_sequences", return_sequences, [True], "pass return_sequences=True")
        one_of("activation", activation, ["tanh"])
        one_of("strides", strides, [1, (1, 1), [1, 1]])
        one_of("dilation_rate", dilation_rate, [1, (1, 1), [1, 1]])
        one_of("data_format", data_format, [None, "channels_last"], "transpose the movies to (N, T, H, W, C)")
        self.activation = activation
        self.recurrent_activation = one_of(
            "recurrent_activation", recurrent_activation, ["hard_sigmoid", "sigmoid", "hard_sigmoid_keras3"]
        )
        self.unit_forget_bias = bool(unit_forget_bias)
        self.kernel_initializer = get_initializer("kernel_initializer", kernel_initializer)
        self.recurrent_initializer = get_initializer("recurrent_initializer", recurrent_initializer)
        self.bias_initializer = get_initializer("bias_initializer", bias_initializer)

    @property
    def activation_name(self) -> str:
        return self.activation

    def build(self, channels: int, random: np.random.Generator) -> None:
        kh, kw = self.kernel_size
        gates = 4 * self.filters
        bias = INITIALIZERS[self.bias_initializer]((gates,), random)
        if self.unit_forget_bias:
            bias[self.filters : 2 * self.filters] = 1.0
        self.kernel = self._add_weight(
            "kernel", INITIALIZERS[self.kernel_initializer]((kh, kw, channels, gates), random)
        )
        self.recurrent_kernel = self._add_weight(
            "recurrent_kernel", INITIALIZERS[self.recurrent_initializer]((kh, kw, self.filters, gates), random)
        )
        self.bias = self._add_weight("bias", bias)

    def output_channels(self, channels: int) -> int:
        return self.filters

    def spec(self, frames: int, batch: int, frame: tuple[int, int, int], training: bool) -> ConvLSTMSpec:
        """The layer as the operation table knows it."""
        (height, width, channels), (kh, kw) = frame, self.kernel_size
        return ConvLSTMSpec(
            T=frames, B=batch, H=height, W=width, C=channels, F=self.filters, kh=kh, kw=kw,
            recurrent_activation=self.recurrent_activation, training=training,
        )  # fmt: skip

    def bind(
        self, backend: Backend, frames: int, batch: int, frame: tuple[int, int, int], training: bool, logits: bool
    ) -> BoundLayer:
        return _BoundConvLSTM2D(self, backend, self.spec(frames, batch, frame, training))

    def stream(self, backend: Backend, batch: int, frame: tuple[int, int, int]) -> StreamingLayer:
        return _StreamingConvLSTM2D(self, backend, self.spec(1, batch, frame, training=False))

    def get_config(self) -> dict[str, Any]:
        return {
            "filters": self.filters,
            "kernel_size": list(self.kernel_size),
            "padding": "same",
            "return_sequences": True,
            "activation": self.activation,
            "recurrent_activation": self.recurrent_activation,
            "unit_forget_bias": self.unit_forget_bias,
            "kernel_initializer": self.kernel_initializer,
            "recurrent_initializer": self.recurrent_initializer,
            "bias_initializer": self.bias_initializer,
        }


class _BoundConvLSTM2D(BoundLayer):
    def __init__(self, layer: ConvLSTM2D, backend: Backend, spec: ConvLSTMSpec) -> None:
        self._layer, self._backend = layer, backend
        self._plan = backend.conv_lstm_plan(spec)

    def forward(self, x: Array) -> Array:
        layer = self._layer
        self._x = x
        h, _ = self._backend.conv_lstm_forward(
            self._plan, x, layer.kernel.value, layer.recurrent_kernel.value, layer.bias.value
        )
        return h

    def backward(self, dy: Array, need_dx: bool) -> Array | None:
        layer = self._layer
        dx, _, _ = self._backend.conv_lstm_backward(
            self._plan,
            dy,
            self._x,
            layer.kernel.value,
            layer.recurrent_kernel.value,
            layer.kernel.gradient,
            layer.recurrent_kernel.gradient,
            layer.bias.gradient,
            need_dx=need_dx,
            need_dstate=False,
        )
        return dx


class _StreamingConvLSTM2D(StreamingLayer):
    def __init__(self, layer: ConvLSTM2D, backend: Backend, spec: ConvLSTMSpec) -> None:
        self._layer, self._backend = layer, backend
        self._plan = backend.conv_lstm_plan(spec)
        state = (spec.B, spec.H, spec.W, spec.F)
        self._h, self._c = backend.zeros(state), backend.zeros(state)

    def step(self, x: Array) -> Array:
        layer = self._layer
        self._h, self._c = self._backend.conv_lstm_step(
            self._plan,
            x,
            self._h,
            self._c,
            layer.kernel.value,
            layer.recurrent_kernel.value,
            layer.bias.value,
        )
        return self._h
