"""Cropping1D, Cropping2D and Cropping3D: sequences, frames and movies without their borders."""

from typing import Any

from engine.layers.keras_form import KerasForm
from engine.layers.reshaping.borders import BorderLayer


class _Cropping(BorderLayer):
    """Positions taken away before and after, on each axis but the channels'."""

    argument, sign = "cropping", -1


class Cropping1D(_Cropping):
    """Sequences without their first and last positions: (N,L,C) -> (N,L',C).

    Args:
        cropping: how many to take away at either end, or (before, after) (default (1, 1)).
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    _default_name = "cropping1d"
    rank = 1
    keras_form = KerasForm("Cropping1D", groups=("cropping1d",))

    def __init__(
        self,
        cropping: Any = (1, 1),
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(cropping, None, input_shape, batch_input_shape, trainable, name)


class Cropping2D(_Cropping):
    """Frames without their borders: (N,H,W,C) -> (N,H',W',C).

    Args:
        cropping: how many rows and columns to take away at either end; or (rows, columns), each one number or a pair
            (before, after). Default ((0, 0), (0, 0)).
        data_format: 'channels_last' (default) or 'channels_first', Keras' (N,C,H,W) in and out.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    _default_name = "cropping2d"
    rank = 2
    keras_form = KerasForm("Cropping2D", groups=("cropping2d",))

    def __init__(
        self,
        cropping: Any = ((0, 0), (0, 0)),
        data_format: str | None = None,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(cropping, data_format, input_shape, batch_input_shape, trainable, name)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format}


class Cropping3D(_Cropping):
    """Movies without their first and last frames and the borders of those between: (N,T,H,W,C) -> (N,T',H',W',C).

    Args:
        cropping: how many frames, rows and columns to take away at either end; or (frames, rows, columns), each one
            number or a pair (before, after). Default ((1, 1), (1, 1), (1, 1)). Without frames the layer goes frame by
            frame, so that it streams.
        data_format: 'channels_last' (default) or 'channels_first', Keras' (N,C,T,H,W) in and out.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    _default_name = "cropping3d"
    rank = 3
    keras_form = KerasForm("Cropping3D", groups=("cropping3d",))

    def __init__(
        self,
        cropping: Any = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(cropping, data_format, input_shape, batch_input_shape, trainable, name)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format}
