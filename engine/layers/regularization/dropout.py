"""Dropout: training sets a share of the input to zero (Srivastava et al. 2014)."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.layers.bound_layer import own_random
from engine.layers.keras_form import KerasForm
from engine.layers.layer import Array, BoundLayer, Layer
from engine.layers.weight import Shape
from engine.support.validation import in_range, integer
from kernels import Backend


class Dropout(Layer):
    """Set a share of the input to zero in training and divide the rest by 1 - rate; at inference change nothing.

    Args:
        rate: the share, at least 0 and below 1.
        noise_shape: of the random mask, (movies, frames, height, width, channels): None or the input's size where
            numbers are drawn, 1 where one serves the whole axis. None (default): one for every number of the input.
        seed: of the masks; None (default): the network's.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    frame_by_frame = True
    keras_form = KerasForm("Dropout", groups=("dropout",), renamed={"p": "rate"})

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape, batch_input_shape, trainable)
        self.rate = in_range("rate", rate, 0.0, math.nextafter(1.0, 0.0))
        self.noise_shape = _checked_noise_shape(noise_shape)
        self.seed = None if seed is None else integer("seed", seed, 0)

    @property
    def has_dropout(self) -> bool:
        return self.rate > 0.0

    def output_shape(self, shape: Shape) -> Shape:
        self._check_noise_shape((None, *shape))
        return shape

    def bind_to(self, backend: Backend, x_shape: tuple[int, int, int, int, int], training: bool) -> BoundLayer:
        frames, movies, *frame = x_shape
        noise = self.noise_shape or (None,) * 5
        self._check_noise_shape((movies, *([frames] if len(noise) == 5 else []), *frame))
        of_time = (noise[1], noise[0], *noise[2:]) if len(noise) == 5 else (1, *noise)
        mask_shape = tuple(size if drawn is None else drawn for size, drawn in zip(x_shape, of_time, strict=True))
        return _BoundDropout(self, backend, x_shape, mask_shape if training and self.has_dropout else None)

    def get_config(self) -> dict[str, Any]:
        noise_shape = None if self.noise_shape is None else list(self.noise_shape)
        return {"rate": self.rate, "noise_shape": noise_shape, "seed": self.seed, **super().get_config()}

    def _check_noise_shape(self, shape: Shape) -> None:
        noise = self.noise_shape
        if noise is None:
            return
        fits = all(drawn in (None, 1) or size in (None, drawn) for drawn, size in zip(noise, shape, strict=False))
        if len(noise) != len(shape) or not fits:
            raise ValueError(
                f"noise_shape: expected {len(shape)} sizes, each None, 1 or that of the input {shape}, got {noise}"
            )


class _BoundDropout(BoundLayer):
    """The layer with a mask of every number of x; mask_shape: as many as are drawn, None for no mask."""

    def __init__(
        self, layer: Dropout, backend: Backend, x_shape: tuple[int, ...], mask_shape: tuple[int, ...] | None
    ) -> None:
        self._layer, self._backend, self._x_shape, self._mask_shape = layer, backend, x_shape, mask_shape
        if mask_shape is None:
            return
        # Masks of an operation are the same in all frames; here each frame is a movie of its own.
        self._flat = (1, x_shape[0] * x_shape[1], *x_shape[2:])
        self._mask = backend.zeros(self._flat)
        self._masked = backend.masked_copies(self._mask)
        self._y, self._dx = backend.empty(x_shape), backend.empty(x_shape)

    def draw(self, random: np.random.Generator) -> None:
        if self._mask_shape is None:
            return
        rate = self._layer.rate
        drawn = own_random(random, self._layer.seed).random(self._mask_shape, np.float32) >= rate
        mask = np.broadcast_to(drawn / (1.0 - rate), self._x_shape).reshape(self._flat)
        self._backend.copy_into(self._mask, np.ascontiguousarray(mask, dtype=self._backend.dtype))

    def forward(self, x: Array) -> Array:
        if self._mask_shape is None:
            return x
        self._masked.forward(x.reshape(self._flat), self._y.reshape(self._flat))
        return self._y

    def backward(self, dy: Array, need_dx: bool) -> Array | None:
        if self._mask_shape is None or not need_dx:
            return dy if need_dx else None
        self._masked.backward(dy.reshape(self._flat), self._dx.reshape(self._flat))
        return self._dx


def _checked_noise_shape(shape: Any) -> tuple[int | None, ...] | None:
    if shape is None:
        return None
    if not isinstance(shape, list | tuple) or len(shape) not in (4, 5):
        raise ValueError(f"noise_shape: expected None or (movies, frames, height, width, channels), got {shape!r}")
    return tuple(None if size is None else integer("noise_shape", size, 1) for size in shape)
