"""BatchNormalization over any axis (Ioffe & Szegedy 2015), with Keras 2.3's moving averages."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from engine.constraints import get_constraint
from engine.initializers import get_initializer
from engine.keras_objects import serialize, serialize_short
from engine.layers.keras_form import KerasForm
from engine.layers.layer import WIDE, BoundLayer, Layer, Narrow, StreamingLayer
from engine.layers.permuted import PermutedLayer
from engine.layers.weight import Shape, Weight, WeightSpec, stand_in, time_major
from engine.regularizers import get_regularizer
from engine.support.validation import boolean, in_range
from kernels import Backend, BatchNormSpec
from kernels.arrays import Array
from kernels.operations import ConvLSTM


class BatchNormalization(Layer):
    """Normalise each channel over movies, frames, rows and columns: the shape stays.

    Training uses the batch's own mean and biased variance and moves plain averages of both (no zero-debias, no Bessel
    correction: Keras 2.3 up to a factor of 1 + 1e-6 in the variance, and Keras 3); inference uses the averages.

    Args:
        axis: the axis that keeps its statistics apart, counted with the movies' axis 0 in front (default -1, the
            last); an integer, or a list of one. It must have one size.
        momentum: of the moving averages, default 0.99. With few hundred steps of training use 0.9: the averages start
            at 0 and 1 and must forget that.
        epsilon: added to the variance, default 1e-3.
        center, scale: whether there is a beta to add, a gamma to multiply with (default True).
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: default 'zeros',
            'ones', 'zeros', 'ones'.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: as for ConvLSTM2D.
        trainable: False freezes gamma and beta, and the layer normalises by its moving averages and leaves them as
            they are, in training too (as tf.keras 2 and Keras 3; Keras 2 only freezes).
        input_shape, batch_input_shape, name: as for every layer (see Layer).
    """

    _default_name = "batch_normalization"
    untrained = ("moving_mean", "moving_variance")
    keras_form = KerasForm(
        "BatchNormalization",
        groups=("batch_normalization",),
        ignored=("fused", "synchronized", "virtual_batch_size", "renorm_clipping", "renorm_momentum"),
        refused={"renorm": True},
        only={"mode": 0},
    )
    moving_mean: Weight
    moving_variance: Weight

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape, batch_input_shape, trainable)
        self.axis = _checked_axis(axis)
        self.momentum = in_range("momentum", momentum, 0.0, 1.0)
        self.epsilon = in_range("epsilon", epsilon, 0.0, 1.0)
        self.center, self.scale = boolean("center", center), boolean("scale", scale)
        self.beta_initializer = get_initializer("beta_initializer", beta_initializer)
        self.gamma_initializer = get_initializer("gamma_initializer", gamma_initializer)
        self.moving_mean_initializer = get_initializer("moving_mean_initializer", moving_mean_initializer)
        self.moving_variance_initializer = get_initializer("moving_variance_initializer", moving_variance_initializer)
        self.beta_regularizer = get_regularizer("beta_regularizer", beta_regularizer)
        self.gamma_regularizer = get_regularizer("gamma_regularizer", gamma_regularizer)
        self.beta_constraint = get_constraint("beta_constraint", beta_constraint, 1)
        self.gamma_constraint = get_constraint("gamma_constraint", gamma_constraint, 1)
        self.gamma: Weight | None = None
        self.beta: Weight | None = None

    @property
    def can_stream(self) -> bool:
        return self.axis in (-1, 4)

    def channels(self, shape: Shape) -> int:
        channels = shape[self._place(len(shape))]
        if channels is None:
            raise ValueError(f"axis: expected one with a known size, got {self.axis}, and the input's shape is {shape}")
        return channels

    def declare_weights(self, shape: Shape) -> list[WeightSpec]:
        size = (self.channels(shape),)
        gamma = WeightSpec("gamma", size, self.gamma_initializer, self.gamma_regularizer, self.gamma_constraint)
        beta = WeightSpec("beta", size, self.beta_initializer, self.beta_regularizer, self.beta_constraint)
        return [
            *([gamma] if self.scale else []),
            *([beta] if self.center else []),
            WeightSpec("moving_mean", size, self.moving_mean_initializer),
            WeightSpec("moving_variance", size, self.moving_variance_initializer),
        ]

    @property
    def reads_narrow(self) -> bool:
        return self.axis in (-1, 4)

    @property
    def writes_narrow(self) -> bool:
        return self.reads_narrow

    def output_shape(self, shape: Shape) -> Shape:
        self._place(len(shape))
        return shape

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
        x_shape = time_major(shape, batch)
        place = self._place(len(shape)) + (4 - len(shape))
        axis = place + 1 if place else 0  # in time-major arrays movies have axis 1
        if axis == 4:
            return _BoundBatchNormalization(self, backend, x_shape, training, narrow, source)
        into = (*(other for other in range(5) if other != axis), axis)
        inner_shape = tuple(x_shape[other] for other in into)
        out: Any = np.argsort(into)
        inner = _BoundBatchNormalization(self, backend, inner_shape, training)
        return PermutedLayer(backend, inner, into, tuple(int(other) for other in out), x_shape, inner_shape)

    def stream(
        self, backend: Backend, batch: int, frame: tuple[int, int, int], narrow: Narrow = WIDE
    ) -> StreamingLayer:
        return _BoundBatchNormalization(self, backend, (1, batch, *frame), training=False, narrow=narrow)

    def get_config(self) -> dict[str, Any]:
        initializers = (
            "beta_initializer",
            "gamma_initializer",
            "moving_mean_initializer",
            "moving_variance_initializer",
        )
        others = ("beta_regularizer", "gamma_regularizer", "beta_constraint", "gamma_constraint")
        return {
            "axis": self.axis,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            **{name: serialize_short(getattr(self, name)) for name in initializers},
            **{name: serialize(getattr(self, name)) for name in others},
            **super().get_config(),
        }

    def _place(self, rank: int) -> int:
        """Where the axis stands in a shape without movies."""
        place = self.axis - 1 if self.axis >= 0 else self.axis + rank
        if not 0 <= place < rank:
            raise ValueError(f"axis: expected 1 to {rank}, or -{rank} to -1, for its input; got {self.axis}")
        return place


class _BoundBatchNormalization(BoundLayer, StreamingLayer):
    """Over the last axis of x_shape."""

    def __init__(
        self,
        layer: BatchNormalization,
        backend: Backend,
        x_shape: tuple[int, ...],
        training: bool,
        narrow: Narrow = WIDE,
        source: ConvLSTM[Array] | None = None,
    ) -> None:
        self._layer, self._backend = layer, backend
        self._by_batch = training and layer.trainable
        T, B, H, W, C = x_shape
        spec = BatchNormSpec(
            T=T, B=B, H=H, W=W, C=C, epsilon=layer.epsilon, training=self._by_batch, narrow_x=narrow.x,
            narrow_y=narrow.y,
        )  # fmt: skip
        self._norm = backend.batch_norm(spec, source)
        self._gamma = layer.gamma or stand_in(backend, spec.C, 1.0)
        self._beta = layer.beta or stand_in(backend, spec.C, 0.0)
        self._keep = True
        if training and not self._by_batch:
            self._norm_back = backend.batch_norm(replace(spec, narrow_x=narrow.y, narrow_y=narrow.x))
            self._zero = backend.zeros((spec.C,))

    def keep_state(self, keep: bool) -> None:
        self._keep = keep

    def forward(self, x: Array) -> Array:
        layer, self._x = self._layer, x
        arrays = (x, self._gamma.value, self._beta.value, layer.moving_mean.value, layer.moving_variance.value)
        if not self._by_batch:
            return self._norm.inference(*arrays)
        return self._norm.forward(*arrays, layer.momentum if self._keep else 1.0)

    def backward(self, dy: Array, need_dx: bool) -> Array | None:
        gamma, beta = self._gamma, self._beta
        if self._by_batch:
            return self._norm.backward(dy, self._x, gamma.value, gamma.gradient, beta.gradient)
        if not need_dx:
            return None
        # By moving averages the layer is linear, and its derivative is itself without the two shifts.
        return self._norm_back.inference(dy, gamma.value, self._zero, self._zero, self._layer.moving_variance.value)

    def step(self, x: Array, t: int) -> Array:
        return self.forward(x[None])[0]


def _checked_axis(axis: Any) -> int:
    if isinstance(axis, Sequence) and len(axis) == 1:
        axis = axis[0]
    if isinstance(axis, bool) or not isinstance(axis, int | np.integer) or axis == 0:
        raise ValueError(f"axis: expected one axis other than 0, that of the movies, got {axis!r}")
    return int(axis)
