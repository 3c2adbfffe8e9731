"""AlphaDropout: dropout for selu, which keeps mean 0 and variance 1 (Klambauer et al. 2017)."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.layers.keras_form import KerasForm
from engine.layers.regularization.noise import NoiseLayer
from engine.layers.regularization.noise_shape import checked_noise_shape
from engine.support.validation import in_range
from kernels.arrays import HostArray

_DROPPED = -1.0507009873554805 * 1.6732632423543772
"""What selu gives for very negative numbers: -scale * alpha."""


class AlphaDropout(NoiseLayer):
    """Set a share of the input to selu's smallest value in training, then scale and shift all; else change nothing.

        y = a * (x where kept, else s) + b       s = -scale * alpha of selu, a = 1 / sqrt((1 - rate) (1 + rate s^2)),
                                                 b = -a * rate * s

    Args:
        rate: the share, at least 0 and below 1.
        noise_shape: as for Dropout.
        seed: of the masks; None (default): the network's.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    shifts = True
    keras_form = KerasForm("AlphaDropout", groups=("alpha_dropout",))

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
        kept = self.kept(random, shape, self.rate)
        a = 1.0 / math.sqrt((1.0 - self.rate) * (1.0 + self.rate * _DROPPED**2))
        return [a * kept, a * _DROPPED * ~kept - a * self.rate * _DROPPED]

    def get_config(self) -> dict[str, Any]:
        noise_shape = None if self.noise_shape is None else list(self.noise_shape)
        return {"rate": self.rate, "noise_shape": noise_shape, **super().get_config()}
