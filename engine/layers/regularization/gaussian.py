"""GaussianNoise adds normal numbers in training, GaussianDropout multiplies with them (Srivastava et al. 2014)."""

import math
from typing import Any

import numpy as np

from engine.layers.keras_form import KerasForm
from engine.layers.regularization.noise import NoiseLayer
from engine.support.validation import in_range
from kernels.arrays import HostArray


class GaussianNoise(NoiseLayer):
    """Add normal numbers of mean 0 to every number of the input in training; at inference change nothing.

    Args:
        stddev: their standard deviation, at least 0.
        seed: of the numbers; None (default): the network's.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    scales, shifts = False, True
    keras_form = KerasForm("GaussianNoise", groups=("gaussian_noise",), renamed={"sigma": "stddev"})

    def __init__(
        self,
        stddev: float,
        seed: int | None = None,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(
            seed, name=name, input_shape=input_shape, batch_input_shape=batch_input_shape, trainable=trainable
        )
        self.stddev = in_range("stddev", stddev, 0.0, float(np.finfo(np.float32).max))

    @property
    def has_dropout(self) -> bool:
        return self.stddev > 0.0

    def draw_noise(self, random: np.random.Generator, shape: tuple[int, ...]) -> list[HostArray]:
        return [random.standard_normal(shape, np.float32) * self.stddev]

    def get_config(self) -> dict[str, Any]:
        return {"stddev": self.stddev, **super().get_config()}


class GaussianDropout(NoiseLayer):
    """Multiply every number of the input in training with a normal one of mean 1 and variance rate / (1 - rate).

    At inference nothing changes. Mean and variance are those of Dropout's mask.

    Args:
        rate: at least 0 and below 1.
        seed: of the numbers; None (default): the network's.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    keras_form = KerasForm("GaussianDropout", groups=("gaussian_dropout",), renamed={"p": "rate"})

    def __init__(
        self,
        rate: float,
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

    @property
    def has_dropout(self) -> bool:
        return self.rate > 0.0

    def draw_noise(self, random: np.random.Generator, shape: tuple[int, ...]) -> list[HostArray]:
        return [1.0 + random.standard_normal(shape, np.float32) * math.sqrt(self.rate / (1.0 - self.rate))]

    def get_config(self) -> dict[str, Any]:
        return {"rate": self.rate, **super().get_config()}
