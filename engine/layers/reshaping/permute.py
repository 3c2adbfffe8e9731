"""Permute: axes in another order."""

from collections.abc import Sequence
from typing import Any

from engine.layers.keras_form import KerasForm
from engine.layers.reshaping.rearranged import IN_PLACE, Axes, RearrangingLayer
from engine.layers.weight import RANKS, Shape, back_end_axis, time_major
from engine.support.validation import integer


class Permute(RearrangingLayer):
    """The axes of the input in another order; the batch's stays the first.

    Args:
        dims: which axis of the input each axis of the output is, counted from 1 without the batch's: (2, 1) swaps the
            axes of a sequence. A movie whose frames stay first, dims[0] = 1, goes frame by frame, so that it streams.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    keras_form = KerasForm("Permute", groups=("permute",))

    def __init__(
        self,
        dims: Sequence[int],
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape, batch_input_shape, trainable)
        axes = list(dims) if isinstance(dims, list | tuple) else []
        self.dims = tuple(integer("dims", axis, 1) for axis in axes)
        if len(axes) not in RANKS or sorted(self.dims) != list(range(1, len(axes) + 1)):
            raise ValueError(f"dims: expected the numbers from 1 to at most 4, each once, got {dims!r}")

    @property
    def can_stream(self) -> bool:
        return len(self.dims) == 4 and self.dims[0] == 1

    @property
    def looks_ahead(self) -> bool:
        return not self.can_stream

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != len(self.dims):
            raise ValueError(
                f"dims: {self.name} has {len(self.dims)} of them, and its input is of shape {(None, *shape)}"
            )
        return tuple(shape[dim - 1] for dim in self.dims)

    def orders(self, shape: tuple[int, ...], batch: int) -> tuple[Axes, Axes, Axes]:
        into, rank = list(IN_PLACE), len(shape)
        for index, dim in enumerate(self.dims):
            into[back_end_axis(rank, index)] = back_end_axis(rank, dim - 1)
        y_shape = time_major(tuple(shape[dim - 1] for dim in self.dims), batch)
        return tuple(into), y_shape, IN_PLACE

    def get_config(self) -> dict[str, Any]:
        return {"dims": list(self.dims), **super().get_config()}
