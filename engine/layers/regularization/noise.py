"""What the layers that draw random numbers in training share: y = x * scale + shift, both drawn on the host."""

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np

from engine.layers.bound_layer import own_random
from engine.layers.layer import Array, BoundLayer, Layer
from engine.layers.regularization.noise_shape import NoiseShape, check_noise_shape, mask_shape
from engine.layers.weight import Shape
from engine.support.validation import integer
from kernels import Backend
from kernels.arrays import HostArray


class NoiseLayer(Layer):
    """y = x * scale + shift in training, with numbers that are drawn anew for each update; at inference y = x.

    The numbers are a function of the network's seed (the layer's, if it has one) and of the number of updates so far.

    Args:
        seed: of the random numbers; None (default): the network's.
        others: as for every layer (see Layer).

    Attributes:
        scales, shifts: whether the class draws a scale, a shift.
        noise_shape: of what kept() draws; None: a number for every number of the input.
    """

    frame_by_frame = True
    scales: ClassVar[bool] = True
    shifts: ClassVar[bool] = False
    noise_shape: NoiseShape | None = None

    def __init__(self, seed: int | None, **others: Any) -> None:
        super().__init__(**others)
        self.seed = None if seed is None else integer("seed", seed, 0)

    @abstractmethod
    def draw_noise(self, random: np.random.Generator, shape: tuple[int, ...]) -> list[HostArray]:
        """The scale, if the class has one, and the shift, if it has one: (T,B,H,W,C), or one number where sizes are 1.

        shape: of x, time-major.
        """

    def output_shape(self, shape: Shape) -> Shape:
        check_noise_shape(self.noise_shape, (None, *shape))
        return shape

    def bind_to(self, backend: Backend, x_shape: tuple[int, int, int, int, int], training: bool) -> BoundLayer:
        if not training or not self.has_dropout:
            return _Identity()
        frames, movies, *frame = x_shape
        rank = 5 if self.noise_shape is None else len(self.noise_shape)
        check_noise_shape(self.noise_shape, (movies, frames, *frame) if rank == 5 else (movies, *frame[4 - rank :]))
        return _BoundNoise(self, backend, x_shape)

    def kept(self, random: np.random.Generator, shape: tuple[int, ...], rate: float) -> HostArray:
        """Draw where numbers are kept: all but a share; one draw where noise_shape has 1."""
        return random.random(mask_shape(self.noise_shape, shape), np.float32) >= rate

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed, **super().get_config()}


class _Identity(BoundLayer):
    """The layer at inference, or where it disturbs nothing."""

    def forward(self, x: Array) -> Array:
        return x

    def backward(self, dy: Array, need_dx: bool) -> Array | None:
        return dy if need_dx else None


class _BoundNoise(BoundLayer):
    """The layer in training, with a scale and a shift of every number of x as far as its class has them."""

    def __init__(self, layer: NoiseLayer, backend: Backend, x_shape: tuple[int, ...]) -> None:
        self._layer, self._backend, self._x_shape = layer, backend, x_shape
        # Masks of an operation are the same in all frames; here each frame is a movie of its own.
        self._flat = (1, x_shape[0] * x_shape[1], *x_shape[2:])
        self._drawn = [backend.zeros(self._flat) for drawn in (layer.scales, layer.shifts) if drawn]
        self._y = backend.empty(x_shape)
        if layer.scales:
            self._masked, self._dx = backend.masked_copies(self._drawn[0]), backend.empty(x_shape)

    def draw(self, random: np.random.Generator) -> None:
        drawn = self._layer.draw_noise(own_random(random, self._layer.seed), self._x_shape)
        for array, numbers in zip(self._drawn, drawn, strict=True):
            whole = np.broadcast_to(numbers, self._x_shape).reshape(self._flat)
            self._backend.copy_into(array, np.ascontiguousarray(whole, dtype=self._backend.dtype))

    def forward(self, x: Array) -> Array:
        x, y = x.reshape(self._flat), self._y.reshape(self._flat)
        if self._layer.scales:
            self._masked.forward(x, y)
            x = y
        if self._layer.shifts:
            self._backend.add(x, self._drawn[-1], y)
        return self._y

    def backward(self, dy: Array, need_dx: bool) -> Array | None:
        if not need_dx or not self._layer.scales:
            return dy if need_dx else None
        self._masked.backward(dy.reshape(self._flat), self._dx.reshape(self._flat))
        return self._dx
