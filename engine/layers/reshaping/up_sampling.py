"""UpSampling1D, UpSampling2D and UpSampling3D: more frames, rows and columns by repetition or interpolation."""

from collections.abc import Sequence
from typing import Any

from engine.layers.arguments import DATA_FORMATS
from engine.layers.keras_form import KerasForm
from engine.layers.layer import BoundLayer, Narrow
from engine.layers.spatial import BoundOperation, Movie, SpatialLayer
from engine.support.validation import int_tuple, one_of
from kernels import Backend
from kernels.specs import INTERPOLATIONS, AxisWeights, Interpolation, ResamplingSpec
from kernels.specs.resampling import interpolated, repeats


class UpSampling(SpatialLayer):
    """Base of UpSampling1D, UpSampling2D and UpSampling3D.

    Args:
        size: factors along `rank` axes.
        data_format, name, input_shape, batch_input_shape, trainable: as for every layer of these.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        data_format: str | None,
        name: str | None,
        input_shape: tuple[int | None, ...] | None,
        batch_input_shape: tuple[int | None, ...] | None,
        trainable: bool,
    ) -> None:
        super().__init__(name, input_shape, batch_input_shape, trainable)
        self.size = int_tuple("size", size, self.rank)
        self.data_format = one_of("data_format", data_format, DATA_FORMATS) or "channels_last"

    @property
    def can_stream(self) -> bool:
        return self.triple(self.size)[0] == 1 and self.data_format == "channels_last"

    def length(self, axis: int, n: int | None) -> int | None:
        return None if n is None else n * self.size[axis]

    def weights_along(self, n: int, factor: int) -> AxisWeights:
        """What each of n * factor outputs is made of; by default the nearest input."""
        return repeats(n, factor)

    def bind_movie(
        self, backend: Backend, movie: Movie, batch: int, training: bool, logits: bool, narrow: Narrow
    ) -> BoundLayer:
        frames, rows, columns = (
            self.weights_along(n, factor) for n, factor in zip(movie[:3], self.triple(self.size), strict=True)
        )
        return BoundOperation(backend.resampling(ResamplingSpec(batch, movie[3], frames, rows, columns, training)))


class UpSampling1D(UpSampling):
    """Repeat each step: (N,L,C) -> (N,L*size,C).

    Axes in front of the steps are more sequences.

    Args:
        size: how often (default 2).
        name, input_shape, batch_input_shape, trainable: as for every layer (see Layer).
    """

    _default_name = "up_sampling1d"
    rank = 1
    keras_form = KerasForm("UpSampling1D", groups=("up_sampling1d",), renamed={"length": "size"})

    def __init__(
        self,
        size: int = 2,
        name: str | None = None,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(size, None, name, input_shape, batch_input_shape, trainable)

    def get_config(self) -> dict[str, Any]:
        return {"size": self.size[0], **super().get_config()}


class UpSampling2D(UpSampling):
    """Enlarge frames: (N,H,W,C) -> (N,H*size[0],W*size[1],C).

    Movies (N,T,H,W,C) are enlarged frame by frame; Keras wants TimeDistributed around it there.

    Args:
        size: factors in height and width; one integer or two (default 2).
        data_format: 'channels_last' (default) or 'channels_first', Keras' (N,C,H,W) in and out.
        interpolation: 'nearest' (default; each pixel is repeated), 'bilinear', 'bicubic', 'lanczos3' or 'lanczos5', as
            tf.image.resize does them: between centres of pixels, and at the borders with what weights are left.
        name, input_shape, batch_input_shape, trainable: as for every layer (see Layer).
    """

    _default_name = "up_sampling2d"
    rank = 2
    keras_form = KerasForm("UpSampling2D", groups=("up_sampling2d",))

    def __init__(
        self,
        size: int | Sequence[int] = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        name: str | None = None,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(size, data_format, name, input_shape, batch_input_shape, trainable)
        lower = interpolation.lower() if isinstance(interpolation, str) else interpolation
        self.interpolation: Interpolation | str = one_of("interpolation", lower, ("nearest", *INTERPOLATIONS))

    def weights_along(self, n: int, factor: int) -> AxisWeights:
        chosen = next((each for each in INTERPOLATIONS if each == self.interpolation), None)
        return repeats(n, factor) if chosen is None or factor == 1 else interpolated(n, factor, chosen)

    def get_config(self) -> dict[str, Any]:
        return {
            "size": list(self.size),
            "data_format": self.data_format,
            "interpolation": self.interpolation,
            **super().get_config(),
        }


class UpSampling3D(UpSampling):
    """Repeat frames, rows and columns: (N,T,H,W,C) -> (N,T*size[0],H*size[1],W*size[2],C).

    Args:
        size: how often in time, height and width; one integer or three (default 2); with 1 in time, frames stay apart
            and can stream.
        data_format: 'channels_last' (default) or 'channels_first', Keras' (N,C,T,H,W) in and out.
        name, input_shape, batch_input_shape, trainable: as for every layer (see Layer).
    """

    _default_name = "up_sampling3d"
    rank = 3
    keras_form = KerasForm("UpSampling3D", groups=("up_sampling3d",))

    def __init__(
        self,
        size: int | Sequence[int] = (2, 2, 2),
        data_format: str | None = None,
        name: str | None = None,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(size, data_format, name, input_shape, batch_input_shape, trainable)

    def get_config(self) -> dict[str, Any]:
        return {"size": list(self.size), "data_format": self.data_format, **super().get_config()}
