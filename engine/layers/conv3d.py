"""Conv3D: a convolution over time, height and width."""

from typing import Any

import numpy as np

from engine.initializers import INITIALIZERS, get_initializer
from engine.layers.layer import Array, BoundLayer, Layer, StreamingLayer
from engine.validation import int_tuple, odd_sizes, one_of, positive_int
from kernels import Backend, Conv3DSpec
from kernels.specs import Activation

_ACTIVATIONS = ("linear", "sigmoid", "tanh", "relu")


class Conv3D(Layer):
    """A 3-D convolution over movies: (N,T,H,W,C) -> (N,T,H,W,filters), zero padding in height and width.

    Args:
        filters: channels out.
        kernel_size: depth in time, height, width; one integer or three, height and width odd.
        padding: in time. 'same' as in Keras: output t sees later frames (with depth 3 the next one, which in
            next-frame prediction is the target: see docs/fidelity.md). 'causal': zeros before, so that no output sees a
            later frame.
        activation: None or 'linear', 'sigmoid', 'tanh', 'relu'.
        kernel_initializer, bias_initializer, input_shape, name: as for ConvLSTM2D.
    """

    _default_name = "conv3d"

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int, int],
        padding: str = "valid",
        activation: str | None = None,
        kernel_initializer: str = "glorot_uniform",
        bias_initializer: str = "zeros",
        strides: int | tuple[int, int, int] = (1, 1, 1),
        dilation_rate: int | tuple[int, int, int] = (1, 1, 1),
        data_format: str | None = None,
        input_shape: tuple[int | None, ...] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape)
        self.filters = positive_int("filters", filters)
        kt, kh, kw = int_tuple("kernel_size", kernel_size, 3)
        odd_sizes("kernel_size (height and width)", (kh, kw), 2)
        self.kernel_size = (kt, kh, kw)
        self.padding = one_of("padding", padding, ["same", "causal"], "pass padding='same' or 'causal'")
        one_of("strides", strides, [1, (1, 1, 1), [1, 1, 1]])
        one_of("dilation_rate", dilation_rate, [1, (1, 1, 1), [1, 1, 1]])
        one_of("data_format", data_format, [None, "channels_last"], "transpose the movies to (N, T, H, W, C)")
        self.activation: Activation = one_of("activation", "linear" if activation is None else activation, _ACTIVATIONS)
        self.kernel_initializer = get_initializer("kernel_initializer", kernel_initializer)
        self.bias_initializer = get_initializer("bias_initializer", bias_initializer)

    @property
    def activation_name(self) -> str:
        return self.activation

    @property
    def looks_ahead(self) -> bool:
        return self.padding == "same" and self.kernel_size[0] > 1

    def build(self, channels: int, random: np.random.Generator) -> None:
        self.kernel = self._add_weight(
            "kernel", INITIALIZERS[self.kernel_initializer]((*self.kernel_size, channels, self.filters), random)
        )
        self.bias = self._add_weight("bias", INITIALIZERS[self.bias_initializer]((self.filters,), random))

    def output_channels(self, channels: int) -> int:
        return self.filters

    def spec(self, frames: int, batch: int, frame: tuple[int, int, int], training: bool) -> Conv3DSpec:
        """The layer as the operation table knows it."""
        (height, width, channels), (kt, kh, kw) = frame, self.kernel_size
        return Conv3DSpec(
            T=frames, B=batch, H=height, W=width, C=channels, K=self.filters, kt=kt, kh=kh, kw=kw,
            padding=self.padding, training=training,
        )  # fmt: skip

    def bind(
        self, backend: Backend, frames: int, batch: int, frame: tuple[int, int, int], training: bool, logits: bool
    ) -> BoundLayer:
        return _BoundConv3D(self, backend, self.spec(frames, batch, frame, training), logits)

    def stream(self, backend: Backend, batch: int, frame: tuple[int, int, int]) -> StreamingLayer:
        frames_before = self.spec(1, batch, frame, training=False).frames_before
        return _StreamingConv3D(self, backend, self.spec(frames_before + 1, batch, frame, training=False))

    def get_config(self) -> dict[str, Any]:
        return {
            "filters": self.filters,
            "kernel_size": list(self.kernel_size),
            "padding": self.padding,
            "activation": self.activation,
            "kernel_initializer": self.kernel_initializer,
            "bias_initializer": self.bias_initializer,
        }


class _BoundConv3D(BoundLayer):
    def __init__(self, layer: Conv3D, backend: Backend, spec: Conv3DSpec, logits: bool) -> None:
        self._layer, self._backend = layer, backend
        self._plan = backend.conv3d_plan(spec)
        self._activation: Activation = "linear" if logits else layer.activation

    def forward(self, x: Array) -> Array:
        self._x = x
        self._y = self._backend.conv3d_forward(self._plan, x, self._layer.kernel.value, self._layer.bias.value)
        if self._activation != "linear":
            self._backend.activation_forward(self._activation, self._y, self._y)
        return self._y

    def backward(self, dy: Array, need_dx: bool) -> Array | None:
        layer = self._layer
        if self._activation != "linear":
            self._backend.activation_backward(self._activation, self._y, dy, dy)
        return self._backend.conv3d_backward(
            self._plan, dy, self._x, layer.kernel.value, layer.kernel.gradient, layer.bias.gradient, need_dx
        )


class _StreamingConv3D(StreamingLayer):
    """Keeps the last frames that the kernel reaches back to; those before the first are the zero padding."""

    def __init__(self, layer: Conv3D, backend: Backend, spec: Conv3DSpec) -> None:
        self._backend = backend
        self._window = backend.zeros((spec.T, spec.B, spec.H, spec.W, spec.C))
        self._bound = _BoundConv3D(layer, backend, spec, logits=False)

    def step(self, x: Array) -> Array:
        window = self._window
        for t in range(window.shape[0] - 1):
            self._backend.copy_into(window[t], window[t + 1])
        self._backend.copy_into(window[-1], x)
        return self._bound.forward(window)[-1]
