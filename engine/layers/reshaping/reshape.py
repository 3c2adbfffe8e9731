"""Reshape: the same numbers, in the same order, in another shape."""

import math
from collections.abc import Sequence
from typing import Any

from engine.layers.keras_form import KerasForm
from engine.layers.reshaping.rearranged import IN_PLACE, SWAPPED, Axes, RearrangingLayer, batch_major
from engine.layers.weight import RANKS, Shape, known, time_major
from engine.support.validation import integer


class Reshape(RearrangingLayer):
    """The numbers of each movie, frame or sequence, in their order, in another shape: (N,...) -> (N,*target_shape).

    Args:
        target_shape: 1 to 4 sizes without the batch's; one may be -1, which is then whatever is left (None where sizes
            of the input are not known: a layer with weights behind it asks for the one that decides theirs).
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    keras_form = KerasForm("Reshape", groups=("reshape",))

    def __init__(
        self,
        target_shape: Sequence[int],
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape, batch_input_shape, trainable)
        if not isinstance(target_shape, list | tuple) or len(target_shape) not in RANKS:
            raise ValueError(f"target_shape: expected 1 to 4 sizes without the batch's, got {target_shape!r}")
        self.target_shape = tuple(integer("target_shape", size, -1) for size in target_shape)
        if 0 in self.target_shape or self.target_shape.count(-1) > 1:
            raise ValueError(f"target_shape: expected sizes of at least 1, and at most one -1, got {target_shape!r}")

    def output_shape(self, shape: Shape) -> Shape:
        target = self.target_shape
        if None in shape:
            return tuple(None if size == -1 else size for size in target)
        numbers, known_numbers = math.prod(known(shape)), math.prod(size for size in target if size != -1)
        left = numbers // known_numbers
        if numbers != left * known_numbers or (-1 not in target and left != 1):
            raise ValueError(
                f"target_shape: {self.name}'s input of shape {(None, *shape)} has {numbers} numbers, which are not "
                f"those of {target}"
            )
        return tuple(left if size == -1 else size for size in target)

    def orders(self, shape: tuple[int, ...], batch: int) -> tuple[Axes, Axes, Axes]:
        target = known(self.output_shape(shape))
        y_shape = time_major(target, batch)
        if len(shape) == len(target) == 4 and shape[0] == target[0]:
            return IN_PLACE, y_shape, IN_PLACE  # each frame stays one
        into = batch_major(range(len(shape)))
        return (into, (batch, *target), SWAPPED) if len(target) == 4 else (into, y_shape, IN_PLACE)

    def get_config(self) -> dict[str, Any]:
        return {"target_shape": list(self.target_shape), **super().get_config()}
