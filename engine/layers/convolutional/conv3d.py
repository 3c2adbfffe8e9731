"""Conv3D: a convolution over time, height and width."""

from dataclasses import replace
from typing import Any

import numpy as np

from engine.layers.arguments import CONVOLUTION_OF_KERAS_1
from engine.layers.convolutional.convolution import Convolution
from engine.layers.keras_form import Config, KerasForm
from engine.layers.keras_padding import ZERO_PADDING, absorb_padding, causal_padding
from engine.layers.layer import WIDE, Narrow, StreamingLayer
from engine.layers.product import BoundConvolution
from kernels import Backend, Conv3DSpec
from kernels.arrays import Array


class Conv3D(Convolution):
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
        activation: a name such as 'relu', or as engine.activations has it; None (default) is 'linear'.
        use_bias: default True.
        activity_regularizer: must be None.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint,
            input_shape, batch_input_shape, trainable, name: as for ConvLSTM2D.
    """

    _default_name = "conv3d"
    rank = 3
    paddings = ("valid", "same", "causal")
    keras_form = KerasForm(
        "Conv3D",
        groups=("conv3d",),
        former_names=("Convolution3D",),
        implied={"groups": 1},
        renamed=CONVOLUTION_OF_KERAS_1,
        kernel_of_keras_1={"channels_first": (2, 3, 4, 1, 0)},
        absorbs={ZERO_PADDING.class_name: absorb_padding},
    )

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
        zeros: dict[str, Any] = {
            "name": f"{self.name}_causal_padding",
            "trainable": True,
            "dtype": config["dtype"],
            "padding": causal_padding(config),
            "data_format": self.data_format,
        }
        return [(ZERO_PADDING, zeros), *super().to_keras({**config, "padding": "valid"})]


class _StreamingConv3D(StreamingLayer):
    """Keeps the last frames that the kernel reaches back to; those before the first are the zero padding."""

    def __init__(self, layer: Conv3D, backend: Backend, spec: Conv3DSpec) -> None:
        self._backend, self._shape = backend, spec.x_shape
        self._window: Array | None = None
        self._bound = BoundConvolution(layer, layer.kernel, backend, spec)

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
