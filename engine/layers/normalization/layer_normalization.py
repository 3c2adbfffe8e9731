"""LayerNormalization: each position, frame or movie by its own mean and variance (Ba, Kiros & Hinton 2016)."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.constraints import get_constraint
from engine.initializers import get_initializer
from engine.keras_objects import serialize, serialize_short
from engine.layers.keras_form import KerasForm
from engine.layers.layer import WIDE, BoundLayer, Layer, Narrow
from engine.layers.permuted import PermutedLayer
from engine.layers.weight import Shape, Weight, WeightSpec, stand_in, time_major
from engine.regularizers import get_regularizer
from engine.support.validation import boolean, in_range
from kernels import Backend
from kernels.arrays import Array
from kernels.operations import ConvLSTM
from kernels.specs import LayerNormSpec


class LayerNormalization(Layer):
    """Normalise over some axes of each movie, in training and at inference alike: the shape stays.

        y = gamma * (x - mean) / sqrt(variance + epsilon) + beta       mean and biased variance over `axis`

    Args:
        axis: the axes over which is normalised, counted with the movies' axis 0 in front: an integer or a list, default
            -1, the channels of each position; all counted from the front, or all from the back. Gamma and beta have the
            sizes of these axes, which must be known.
        epsilon: added to the variance, default 1e-3.
        center, scale: whether there is a beta to add, a gamma to multiply with (default True).
        beta_initializer, gamma_initializer: default 'zeros', 'ones'.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: as for ConvLSTM2D.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    _default_name = "layer_normalization"
    keras_form = KerasForm("LayerNormalization", groups=("layer_normalization",), refused={"rms_scaling": True})

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
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
        self.axis = _checked_axes(axis)
        self.epsilon = in_range("epsilon", epsilon, 0.0, 1.0)
        self.center, self.scale = boolean("center", center), boolean("scale", scale)
        self.beta_initializer = get_initializer("beta_initializer", beta_initializer)
        self.gamma_initializer = get_initializer("gamma_initializer", gamma_initializer)
        self.beta_regularizer = get_regularizer("beta_regularizer", beta_regularizer)
        self.gamma_regularizer = get_regularizer("gamma_regularizer", gamma_regularizer)
        rank = len(self.axis)
        self.beta_constraint = get_constraint("beta_constraint", beta_constraint, rank)
        self.gamma_constraint = get_constraint("gamma_constraint", gamma_constraint, rank)
        self.gamma: Weight | None = None
        self.beta: Weight | None = None

    @property
    def can_stream(self) -> bool:
        return all(axis in (-3, -2, -1, 2, 3, 4) for axis in self.axis)

    @property
    def has_weights(self) -> bool:
        return self.center or self.scale

    def channels(self, shape: Shape) -> int:
        sizes = self._sizes(shape)
        for weight in self.weights:
            if weight.shape != sizes:
                raise ValueError(f"axis: {self.name} is built for {weight.shape} on axes {self.axis}, got {sizes}")
        return math.prod(sizes)

    def declare_weights(self, shape: Shape) -> list[WeightSpec]:
        sizes = self._sizes(shape)
        gamma = WeightSpec("gamma", sizes, self.gamma_initializer, self.gamma_regularizer, self.gamma_constraint)
        beta = WeightSpec("beta", sizes, self.beta_initializer, self.beta_regularizer, self.beta_constraint)
        return [*([gamma] if self.scale else []), *([beta] if self.center else [])]

    def shape_for_weights(self, shapes: Sequence[tuple[int, ...]]) -> Shape:
        shape: list[int | None] = [None] * 4
        for axis, size in zip(self.axis, shapes[0], strict=True):
            shape[axis - 1 if axis > 0 else axis] = size
        return tuple(shape)

    def output_shape(self, shape: Shape) -> Shape:
        self.channels(shape)
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
        places = [place + 4 - len(shape) for place in self._places(len(shape))]
        over = tuple(place + 1 if place else 0 for place in places)  # in time-major arrays movies have axis 1
        into = (*(axis for axis in range(5) if axis not in over), *over)
        inner_shape = tuple(x_shape[axis] for axis in into)
        inner = _BoundLayerNormalization(self, backend, inner_shape, training)
        if into == tuple(range(5)):
            return inner
        out: Any = np.argsort(into)
        return PermutedLayer(backend, inner, into, tuple(int(axis) for axis in out), x_shape, inner_shape)

    def get_config(self) -> dict[str, Any]:
        others = ("beta_regularizer", "gamma_regularizer", "beta_constraint", "gamma_constraint")
        return {
            "axis": self.axis[0] if len(self.axis) == 1 else list(self.axis),
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": serialize_short(self.beta_initializer),
            "gamma_initializer": serialize_short(self.gamma_initializer),
            **{name: serialize(getattr(self, name)) for name in others},
            **super().get_config(),
        }

    def _places(self, rank: int) -> list[int]:
        """Where the axes stand in a shape without movies, in order."""
        places = [axis - 1 if axis > 0 else axis + rank for axis in self.axis]
        if places[0] < 0 or places[-1] >= rank or len(set(places)) < len(places):
            raise ValueError(
                f"axis: expected different ones of 1 to {rank}, or -{rank} to -1, for {self.name}'s input, "
                f"got {list(self.axis)}"
            )
        return places

    def _sizes(self, shape: Shape) -> tuple[int, ...]:
        sizes = [shape[place] for place in self._places(len(shape))]
        known = tuple(size for size in sizes if size is not None)
        if len(known) < len(sizes):
            raise ValueError(
                f"axis: expected axes with known sizes, got {list(self.axis)}, and the shape of {self.name}'s input is "
                f"{(None, *shape)}"
            )
        return known


class _BoundLayerNormalization(BoundLayer):
    """Over the last axes of x_shape, as many as the layer has."""

    def __init__(self, layer: LayerNormalization, backend: Backend, x_shape: tuple[int, ...], training: bool) -> None:
        T, B, H, W, C = x_shape
        spec = LayerNormSpec(
            T=T, B=B, H=H, W=W, C=C, axes=len(layer.axis), epsilon=layer.epsilon, training=training
        )  # fmt: skip
        self._norm = backend.layer_norm(spec)
        self._gamma = layer.gamma or stand_in(backend, spec.features, 1.0)
        self._beta = layer.beta or stand_in(backend, spec.features, 0.0)

    def forward(self, x: Array) -> Array:
        self._x = x
        return self._norm.forward(x, self._gamma.value, self._beta.value)

    def backward(self, dy: Array, need_dx: bool) -> Array | None:
        gamma, beta = self._gamma, self._beta
        dx = self._norm.backward(dy, self._x, gamma.value, gamma.gradient, beta.gradient)
        return dx if need_dx else None


def _checked_axes(axis: Any) -> tuple[int, ...]:
    axes = axis if isinstance(axis, list | tuple) else [axis]
    integers = all(isinstance(each, int | np.integer) and not isinstance(each, bool) for each in axes)
    if not axes or len(axes) > 4 or not integers or 0 in axes:
        raise ValueError(f"axis: expected an axis other than 0, that of the movies, or a list of them, got {axis!r}")
    if min(axes) < 0 < max(axes):
        raise ValueError(f"axis: expected all axes counted from the front or all from the back, got {axis!r}")
    return tuple(sorted(int(each) for each in axes))
