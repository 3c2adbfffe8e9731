"""SpatialDropout1D, 2D, 3D: training sets whole channels to zero (Tompson et al. 2015)."""

import math
from typing import Any, ClassVar

import numpy as np

from engine.layers.arguments import DATA_FORMATS
from engine.layers.keras_form import KerasForm
from engine.layers.regularization.noise import NoiseLayer
from engine.layers.regularization.noise_shape import one_for_each_channel
from engine.layers.weight import Shape
from engine.support.validation import in_range, one_of
from kernels.arrays import HostArray


class _SpatialDropout(NoiseLayer):
    """Drop each channel of each movie as a whole; the classes below say how many axes an input has.

    Attributes:
        axes: of the input, without that of the movies.
    """

    axes: ClassVar[int]
    data_format = "channels_last"

    def __init__(self, rate: float, seed: int | None, **others: Any) -> None:
        super().__init__(seed, **others)
        self.rate = in_range("rate", rate, 0.0, math.nextafter(1.0, 0.0))
        self.noise_shape = one_for_each_channel(self.axes, self.data_format)

    @property
    def has_dropout(self) -> bool:
        return self.rate > 0.0

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != self.axes:
            raise ValueError(
                f"{self.name}: expected inputs of {self.axes + 1} axes with the movies' own, got {(None, *shape)}; "
                "SpatialDropout1D, 2D and 3D are for inputs of 3, 4 and 5"
            )
        return shape

    def draw_noise(self, random: np.random.Generator, shape: tuple[int, ...]) -> list[HostArray]:
        return [self.kept(random, shape, self.rate) / (1.0 - self.rate)]

    def get_config(self) -> dict[str, Any]:
        return {"rate": self.rate, **super().get_config()}


class SpatialDropout1D(_SpatialDropout):
    """Set whole channels of (N,L,C) to zero in training and divide the rest by 1 - rate.

    Args:
        rate: the share of the channels, at least 0 and below 1.
        seed: of the masks; None (default): the network's.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    axes = 2
    keras_form = KerasForm("SpatialDropout1D", groups=("spatial_dropout1d",), renamed={"p": "rate"})

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
            rate, seed, name=name, input_shape=input_shape, batch_input_shape=batch_input_shape, trainable=trainable
        )


class _OfFrames(_SpatialDropout):
    """What SpatialDropout2D and 3D have besides: a choice of where the channels stand."""

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        self.data_format = one_of("data_format", data_format, DATA_FORMATS) or "channels_last"
        super().__init__(
            rate, seed, name=name, input_shape=input_shape, batch_input_shape=batch_input_shape, trainable=trainable
        )

    @property
    def can_stream(self) -> bool:
        return self.data_format == "channels_last"

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {"rate": config.pop("rate"), "data_format": self.data_format, **config}


class SpatialDropout2D(_OfFrames):
    """Set whole channels of (N,H,W,C) to zero in training and divide the rest by 1 - rate.

    Args:
        rate: the share of the channels, at least 0 and below 1.
        data_format: None (default) or 'channels_last'; 'channels_first' for (N,C,H,W).
        seed: of the masks; None (default): the network's.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    axes = 3
    keras_form = KerasForm("SpatialDropout2D", groups=("spatial_dropout2d",), renamed={"p": "rate"})


class SpatialDropout3D(_OfFrames):
    """Set whole channels of movies (N,T,H,W,C) to zero in training and divide the rest by 1 - rate.

    A channel is dropped in all frames of a movie.

    Args:
        rate: the share of the channels, at least 0 and below 1.
        data_format: None (default) or 'channels_last'; 'channels_first' for (N,C,T,H,W).
        seed: of the masks; None (default): the network's.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    axes = 4
    keras_form = KerasForm("SpatialDropout3D", groups=("spatial_dropout3d",), renamed={"p": "rate"})
