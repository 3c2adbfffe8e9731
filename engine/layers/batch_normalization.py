"""BatchNormalization over the channel axis (Ioffe & Szegedy 2015), with Keras 2.3's moving averages."""

from typing import Any

import numpy as np

from engine.layers.layer import Array, BoundLayer, Layer, StreamingLayer
from engine.validation import in_range, one_of
from kernels import Backend, BatchNormSpec


class BatchNormalization(Layer):
    """Normalise each channel over movies, frames, rows and columns: (N,T,H,W,C) -> the same shape.

    Training uses the batch's own mean and biased variance and moves plain averages of both (no zero-debias, no Bessel
    correction: Keras 2.3 up to a factor of 1 + 1e-6 in the variance, and Keras 3); inference uses the averages.

    Args:
        axis: must be -1 (4 means the same).
        momentum: of the moving averages, default 0.99. With few hundred steps of training use 0.9: the averages start
            at 0 and 1 and must forget that.
        epsilon: added to the variance, default 1e-3.
        input_shape, name: as for ConvLSTM2D.
    """

    _default_name = "batch_normalization"

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        input_shape: tuple[int | None, ...] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape)
        one_of("axis", axis, [-1, 4])
        self.momentum = in_range("momentum", momentum, 0.0, 1.0)
        self.epsilon = in_range("epsilon", epsilon, 0.0, 1.0)

    def build(self, channels: int, random: np.random.Generator) -> None:
        self.gamma = self._add_weight("gamma", np.ones(channels))
        self.beta = self._add_weight("beta", np.zeros(channels))
        self.moving_mean = self._add_weight("moving_mean", np.zeros(channels), trainable=False)
        self.moving_variance = self._add_weight("moving_variance", np.ones(channels), trainable=False)

    def output_channels(self, channels: int) -> int:
        return channels

    def bind(
        self, backend: Backend, frames: int, batch: int, frame: tuple[int, int, int], training: bool, logits: bool
    ) -> BoundLayer:
        height, width, channels = frame
        return _BoundBatchNormalization(
            self, backend, BatchNormSpec(frames, batch, height, width, channels, self.epsilon, training)
        )

    def stream(self, backend: Backend, batch: int, frame: tuple[int, int, int]) -> StreamingLayer:
        height, width, channels = frame
        return _BoundBatchNormalization(
            self, backend, BatchNormSpec(1, batch, height, width, channels, self.epsilon, training=False)
        )

    def get_config(self) -> dict[str, Any]:
        return {"axis": -1, "momentum": self.momentum, "epsilon": self.epsilon}


class _BoundBatchNormalization(BoundLayer, StreamingLayer):
    def __init__(self, layer: BatchNormalization, backend: Backend, spec: BatchNormSpec) -> None:
        self._layer, self._backend, self._training = layer, backend, spec.training
        self._plan = backend.batch_norm_plan(spec)
        self.move_statistics = True

    def forward(self, x: Array) -> Array:
        layer = self._layer
        gamma, beta = layer.gamma.value, layer.beta.value
        mean, variance = layer.moving_mean.value, layer.moving_variance.value
        self._x = x
        if not self._training:
            return self._backend.batch_norm_inference(self._plan, x, gamma, beta, mean, variance)
        momentum = layer.momentum if self.move_statistics else 1.0
        return self._backend.batch_norm_forward(self._plan, x, gamma, beta, mean, variance, momentum)

    def backward(self, dy: Array, need_dx: bool) -> Array | None:
        layer = self._layer
        return self._backend.batch_norm_backward(
            self._plan, dy, self._x, layer.gamma.value, layer.gamma.gradient, layer.beta.gradient
        )

    def step(self, x: Array) -> Array:
        return self.forward(x[None])[0]
