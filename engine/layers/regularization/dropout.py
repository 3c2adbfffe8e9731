"""Dropout: training sets a share of the input to zero (Srivastava et al. 2014)."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.layers.keras_form import KerasForm
from engine.layers.regularization.noise import NoiseLayer
from engine.layers.regularization.noise_shape import checked_noise_shape
from engine.support.validation import in_range
from kernels.arrays import HostArray


class Dropout(NoiseLayer):
    """Set a share of the input to zero in training and divide the rest by 1 - rate; at inference change nothing.

    Args:
        rate: the share, at least 0 and below 1.
        noise_shape: of the random mask, (movies, frames, height, width, channels) or as many axes as the input has:
            None or the input's size where numbers are drawn, 1 where one serves the whole axis. None (default): one for
            every number of the input.
        seed: of the masks; None (default): the network's.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

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
        super().__init__(
            seed, name=name, input_shape=input_shape, batch_input_shape=batch_input_shape, trainable=trainable
        )
        self.rate = in_range("rate", rate, 0.0, math.nextafter(1.0, 0.0))
        self.noise_shape = checked_noise_shape(noise_shape)

    @property
    def has_dropout(self) -> bool:
        return self.rate > 0.0

    def draw_noise(self, random: np.random.Generator, shape: tuple[int, ...]) -> list[HostArray]:
        return [self.kept(random, shape, self.rate) / (1.0 - self.rate)]

    def get_config(self) -> dict[str, Any]:
        noise_shape = None if self.noise_shape is None else list(self.noise_shape)
        return {"rate": self.rate, "noise_shape": noise_shape, **super().get_config()}
