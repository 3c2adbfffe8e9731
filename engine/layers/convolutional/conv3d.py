"""Conv3D: a convolution over time, height and width."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from engine.constraints import get_constraint
from engine.initializers import get_initializer
from engine.keras_objects import serialize, serialize_short
from engine.layers.arguments import (
    CONVOLUTION_OF_KERAS_1,
    DATA_FORMATS,
    any_size,
    check_movie_rank,
    checked_activation,
    checked_movie_shape,
    checked_padding,
    output_length,
    strides_and_dilation,
)
from engine.layers.keras_form import Config, KerasForm
from engine.layers.keras_padding import ZERO_PADDING, absorb_padding, causal_padding
from engine.layers.layer import WIDE, BoundLayer, Layer, Narrow, StreamingLayer
from engine.layers.permuted import PermutedLayer
from engine.layers.weight import Shape, Weight, WeightSpec, stand_in, time_major
from engine.regularizers import get_regularizer
from engine.support.validation import boolean, int_tuple, one_of, positive_int
from kernels import Backend, Conv3DSpec
from kernels.activations import Activation
from kernels.arrays import Array
from kernels.operations import ConvLSTM
from kernels.specs import Padding


class Conv3D(Layer):
    """A 3-D convolution over movies: (N,T,H,W,C) -> (N,T',H',W',filters).

    Args:
        filters: channels out.
        kernel_size: depth in time, height, width; one integer or three.
        strides: of the window, likewise (default 1).
        padding: 'valid' (default; no zeros, so frames and pixels at the borders are lost), 'same' as in Keras: output t
            sees later frames (with depth 3 the next one, which in next-frame prediction is the target: see
            docs/fidelity.md), or 'causal': 'same' in height and width, and in time zeros before, so that no output sees
            a later frame (Keras has it for Conv1D only).
        data_format: 'channels_last' (default) or 'channels_first', Keras' (N,C,T,H,W) in and out.
        dilation_rate: distance of the kernel's taps (default 1); strides must then be 1.
        groups: of channels that do not see one another (default 1); divides channels in and filters.
        activation: one of kernels.activations.ACTIVATIONS, such as 'sigmoid' or 'relu'; None (default) is 'linear'.
        use_bias: default True.
        activity_regularizer: must be None.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint,
            input_shape, batch_input_shape, trainable, name: as for ConvLSTM2D.
    """

    _default_name = "conv3d"
    keras_form = KerasForm(
        "Conv3D",
        groups=("conv3d",),
        former_names=("Convolution3D",),
        implied={"groups": 1},
        renamed=CONVOLUTION_OF_KERAS_1,
        absorbs={ZERO_PADDING.class_name: absorb_padding},
    )
    kernel: Weight

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int, int],
        strides: int | tuple[int, int, int] = (1, 1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | tuple[int, int, int] = (1, 1, 1),
        groups: int = 1,
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
        super().__init__(name, input_shape, batch_input_shape, trainable)
        self.filters, self.groups = positive_int("filters", filters), positive_int("groups", groups)
        if self.filters % self.groups:
            raise ValueError(f"groups: expected a divisor of filters={filters}, got {groups}")
        self.kernel_size: tuple[int, ...] = int_tuple("kernel_size", kernel_size, 3)
        self.strides, self.dilation_rate = strides_and_dilation(strides, dilation_rate, 3)
        self.padding: Padding = checked_padding(padding, ["valid", "same", "causal"])
        self.data_format = one_of("data_format", data_format, DATA_FORMATS) or "channels_last"
        self.activation: Activation = checked_activation("activation", activation)
        self.use_bias = boolean("use_bias", use_bias)
        self.kernel_initializer = get_initializer("kernel_initializer", kernel_initializer)
        self.bias_initializer = get_initializer("bias_initializer", bias_initializer)
        self.kernel_regularizer = get_regularizer("kernel_regularizer", kernel_regularizer)
        self.bias_regularizer = get_regularizer("bias_regularizer", bias_regularizer)
        one_of("activity_regularizer", activity_regularizer, [None], "put the penalty on weights")
        self.kernel_constraint = get_constraint("kernel_constraint", kernel_constraint, 5)
        self.bias_constraint = get_constraint("bias_constraint", bias_constraint, 1)
        self.bias: Weight | None = None

    @property
    def activation_name(self) -> str:
        return self.activation

    @property
    def looks_ahead(self) -> bool:
        return self.padding != "causal" and self.kernel_size[0] > 1

    @property
    def can_stream(self) -> bool:
        keeps_time = self.strides[0] == 1 and (self.padding != "valid" or self.kernel_size[0] == 1)
        return keeps_time and self.data_format == "channels_last"

    def channels(self, shape: Shape) -> int:
        channels = checked_movie_shape(self.name, shape, self._channel_axis)
        if channels % self.groups:
            raise ValueError(f"groups: expected a divisor of the input's {channels} channels, got {self.groups}")
        return channels

    def declare_weights(self, shape: Shape) -> list[WeightSpec]:
        kernel = (*self.kernel_size, self.channels(shape) // self.groups, self.filters)
        specs = [
            WeightSpec("kernel", kernel, self.kernel_initializer, self.kernel_regularizer, self.kernel_constraint),
            WeightSpec("bias", (self.filters,), self.bias_initializer, self.bias_regularizer, self.bias_constraint),
        ]
        return specs if self.use_bias else specs[:1]

    def shape_for_weights(self, shapes: Sequence[tuple[int, ...]]) -> Shape:
        return any_size(shapes[0][-2] * self.groups, self._channel_axis)

    def output_shape(self, shape: Shape) -> Shape:
        check_movie_rank(self.name, shape)
        sizes = shape[1:] if self.data_format == "channels_first" else shape[:3]
        padding = self.padding
        across: Padding = "same" if padding == "causal" else padding
        frames, height, width = (
            output_length(axis, n, k, stride, dilation, rule)
            for axis, n, k, stride, dilation, rule in zip(
                ("frames", "rows", "columns"),
                sizes,
                self.kernel_size,
                self.strides,
                self.dilation_rate,
                (padding, across, across),
                strict=True,
            )
        )
        if self.data_format == "channels_first":
            return self.filters, frames, height, width
        return frames, height, width, self.filters

    @property
    def reads_narrow(self) -> bool:
        return self.data_format == "channels_last" and self.spec((1, 1, 1, self.groups), 1, training=True).is_dense

    def spec(self, movie: tuple[int, ...], batch: int, training: bool) -> Conv3DSpec:
        """The layer as the operation table knows it, for channels-last movies (T,H,W,C)."""
        (frames, height, width, channels), (kt, kh, kw) = movie, self.kernel_size
        (st, sh, sw), (dt, dh, dw) = self.strides, self.dilation_rate
        return Conv3DSpec(
            T=frames, B=batch, H=height, W=width, C=channels, K=self.filters, kt=kt, kh=kh, kw=kw,
            padding=self.padding, training=training, strides=(st, sh, sw), dilation=(dt, dh, dw), groups=self.groups,
        )  # fmt: skip

    def bind(
        self,
        backend: Backend,
        shape: tuple[int, ...],
        batch: int,
        training: bool,
        logits: bool = False,
        narrow: Narrow = WIDE,
        source: ConvLSTM[Array] | None = None,
    ) -> BoundLayer:
        if self.data_format == "channels_last":
            spec = replace(self.spec(shape, batch, training), narrow_x=narrow.x)
            return _BoundConv3D(self, backend, spec, logits)
        spec = self.spec((*shape[1:], shape[0]), batch, training)
        inner = _BoundConv3D(self, backend, spec, logits)
        # Movies (N,C,T,H,W) are (C,N,T,H,W) on the back end.
        return PermutedLayer(backend, inner, (2, 1, 3, 4, 0), (4, 1, 0, 2, 3), time_major(shape, batch), spec.y_shape)

    def stream(
        self, backend: Backend, batch: int, frame: tuple[int, int, int], narrow: Narrow = WIDE
    ) -> StreamingLayer:
        frames_before = self.spec((1, *frame), batch, training=False).frames_before
        spec = self.spec((frames_before + 1, *frame), batch, training=False)
        return _StreamingConv3D(self, backend, replace(spec, narrow_x=narrow.x))

    def to_keras(self, config: Config) -> list[tuple[KerasForm, Config]]:
        """Keras' Conv3D has no padding='causal'; a ZeroPadding3D before 'valid' is the same."""
        if self.padding != "causal":
            return super().to_keras(config)
        if max(self.strides[1:]) > 1:
            raise ValueError(
                f"layer {self.name!r}: padding='causal' with strides {self.strides} in height or width has no "
                "counterpart in Keras for frames of any size; save .safetensors"
            )
        zeros = {
            "name": f"{self.name}_causal_padding",
            "trainable": True,
            "dtype": config["dtype"],
            "padding": causal_padding(config),
            "data_format": self.data_format,
        }
        return [(ZERO_PADDING, zeros), *super().to_keras({**config, "padding": "valid"})]

    def get_config(self) -> dict[str, Any]:
        return {
            "filters": self.filters,
            "kernel_size": list(self.kernel_size),
            "strides": list(self.strides),
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": list(self.dilation_rate),
            "groups": self.groups,
            "activation": self.activation,
            "use_bias": self.use_bias,
            "kernel_initializer": serialize_short(self.kernel_initializer),
            "bias_initializer": serialize_short(self.bias_initializer),
            "kernel_regularizer": serialize(self.kernel_regularizer),
            "bias_regularizer": serialize(self.bias_regularizer),
            "kernel_constraint": serialize(self.kernel_constraint),
            "bias_constraint": serialize(self.bias_constraint),
            **super().get_config(),
        }

    @property
    def _channel_axis(self) -> int:
        return 0 if self.data_format == "channels_first" else 3


class _BoundConv3D(BoundLayer):
    def __init__(self, layer: Conv3D, backend: Backend, spec: Conv3DSpec, logits: bool) -> None:
        self._layer, self._backend = layer, backend
        self._convolution = backend.conv3d(spec)
        self._activation = None
        if not logits and layer.activation != "linear":
            self._activation = backend.activation(layer.activation)
        self._bias = layer.bias or stand_in(backend, spec.K, 0.0)

    def forward(self, x: Array) -> Array:
        self._x = x
        self._y = self._convolution.forward(x, self._layer.kernel.value, self._bias.value)
        if self._activation is not None:
            self._activation.forward(self._y, self._y)
        return self._y

    def backward(self, dy: Array, need_dx: bool) -> Array | None:
        kernel = self._layer.kernel
        if self._activation is not None:
            self._activation.backward(self._y, dy, dy)
        return self._convolution.backward(dy, self._x, kernel.value, kernel.gradient, self._bias.gradient, need_dx)


class _StreamingConv3D(StreamingLayer):
    """Keeps the last frames that the kernel reaches back to; those before the first are the zero padding."""

    def __init__(self, layer: Conv3D, backend: Backend, spec: Conv3DSpec) -> None:
        self._backend, self._shape = backend, spec.x_shape
        self._window: Array | None = None
        self._bound = _BoundConv3D(layer, backend, spec, logits=False)

    def step(self, x: Array, t: int) -> Array:
        if self._window is None:  # x may be narrow, and brings its dtype
            self._window = self._backend.zeros(self._shape, x.dtype)
        elif t == 0:
            self._backend.copy_into(self._window, np.zeros(self._shape, x.dtype))
        window = self._window
        for frame in range(window.shape[0] - 1):
            self._backend.copy_into(window[frame], window[frame + 1])
        self._backend.copy_into(window[-1], x)
        return self._bound.forward(window)[-1]
