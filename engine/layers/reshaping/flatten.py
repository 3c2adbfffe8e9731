"""Flatten: all axes but the batch's as one."""

import math
from typing import Any

from engine.layers.arguments import DATA_FORMATS
from engine.layers.keras_form import KerasForm
from engine.layers.reshaping.rearranged import IN_PLACE, Axes, RearrangingLayer, batch_major
from engine.layers.weight import Shape, known, time_major
from engine.support.validation import one_of


class Flatten(RearrangingLayer):
    """All numbers of a movie, frame or sequence in one row: (N,...) -> (N,F).

    Where a size of the input is None, so is F; a layer with weights behind it then asks for known sizes.

    Args:
        data_format: 'channels_last' (default), or 'channels_first' for inputs whose channels come first; they then go
            last before all becomes one row, as in Keras.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    keras_form = KerasForm("Flatten", groups=("flatten",))

    def __init__(
        self,
        data_format: str | None = None,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape, batch_input_shape, trainable)
        self.data_format = one_of("data_format", data_format, DATA_FORMATS) or "channels_last"

    def output_shape(self, shape: Shape) -> Shape:
        return (None if None in shape else math.prod(known(shape)),)

    def orders(self, shape: tuple[int, ...], batch: int) -> tuple[Axes, Axes, Axes]:
        dims = range(len(shape))
        into = batch_major([*dims[1:], 0] if self.data_format == "channels_first" else dims)
        return into, time_major((math.prod(shape),), batch), IN_PLACE

    def get_config(self) -> dict[str, Any]:
        return {"data_format": self.data_format, **super().get_config()}
