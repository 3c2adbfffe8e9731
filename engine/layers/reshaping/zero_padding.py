"""ZeroPadding1D, ZeroPadding2D and ZeroPadding3D: zeros around sequences, frames and movies."""

from typing import Any

from engine.layers.keras_form import KerasForm
from engine.layers.reshaping.borders import BorderLayer


class _ZeroPadding(BorderLayer):
    """Zeros before and after, on each axis but the channels'."""

    argument, sign = "padding", 1

    def __init__(
        self,
        padding: Any = 1,
        data_format: str | None = None,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(padding, data_format, input_shape, batch_input_shape, trainable, name)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format}


class ZeroPadding1D(_ZeroPadding):
    """Zeros before and after sequences: (N,L,C) -> (N,L',C).

    Args:
        padding: how many at either end (default 1), or (before, after).
        data_format: 'channels_last' (default) or 'channels_first', Keras' (N,C,L) in and out.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    _default_name = "zero_padding1d"
    rank = 1
    keras_form = KerasForm("ZeroPadding1D", groups=("zero_padding1d",), implied={"data_format": "channels_last"})


class ZeroPadding2D(_ZeroPadding):
    """Zeros around frames: (N,H,W,C) -> (N,H',W',C).

    Args:
        padding: how many rows and columns at either end (default 1); or (rows, columns), each one number or a pair
            (before, after).
        data_format: 'channels_last' (default) or 'channels_first', Keras' (N,C,H,W) in and out.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    _default_name = "zero_padding2d"
    rank = 2
    keras_form = KerasForm("ZeroPadding2D", groups=("zero_padding2d",))


class ZeroPadding3D(_ZeroPadding):
    """Zeros around movies: (N,T,H,W,C) -> (N,T',H',W',C).

    Args:
        padding: how many frames, rows and columns at either end (default 1); or (frames, rows, columns), each one
            number or a pair (before, after). Without frames the layer goes frame by frame, so that it streams.
        data_format: 'channels_last' (default) or 'channels_first', Keras' (N,C,T,H,W) in and out.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    _default_name = "zero_padding3d"
    rank = 3
    keras_form = KerasForm("ZeroPadding3D", groups=("zero_padding3d",))
