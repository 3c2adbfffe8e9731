"""What zero padding and cropping share: positions at both ends of each axis that are added or taken away."""

from typing import Any, ClassVar

from engine.layers.arguments import DATA_FORMATS
from engine.layers.layer import BoundLayer, Layer
from engine.layers.reshaping.moved import Moved
from engine.layers.weight import Shape, back_end_axis
from engine.support.validation import integer, one_of
from kernels import Backend
from kernels.specs import BlockSpec

Borders = tuple[tuple[int, int], ...]
"""How many positions before and after, for each axis but the channels'."""


class BorderLayer(Layer):
    """Base of the layers that add positions to each axis but the channels', or take some away.

    A subclass sets `rank`, `argument` and `sign`, and hands its argument over.

    Attributes:
        rank: how many axes there are beside the batch's and the channels'.
        argument: what the subclass calls the borders.
        sign: 1 where they are added, -1 where they are taken away.
    """

    rank: ClassVar[int]
    argument: ClassVar[str]
    sign: ClassVar[int]

    def __init__(
        self,
        borders: Any,
        data_format: str | None,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape, batch_input_shape, trainable)
        self.borders = checked_borders(self.argument, borders, self.rank)
        self.data_format = one_of("data_format", data_format, DATA_FORMATS) or "channels_last"

    @property
    def can_stream(self) -> bool:
        return self.rank == 3 and self.data_format == "channels_last" and self.borders[0] == (0, 0)

    @property
    def looks_ahead(self) -> bool:
        return self.rank == 3 and self.sign < 0 and self.borders[0][0] > 0

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != self.rank + 1:
            raise ValueError(
                f"{self.name}: expected an input of {self.rank + 2} axes with the batch's, got shape {(None, *shape)}"
            )
        sizes = tuple(
            None if n is None else n + self.sign * (before + after)
            for n, (before, after) in zip(shape, self._of_axes(), strict=True)
        )
        if any(n is not None and n < 1 for n in sizes):
            raise ValueError(
                f"{self.argument}: {self.name} takes away {self.borders} of an input of shape {(None, *shape)}, and "
                "nothing is left"
            )
        return sizes

    def bind_to(self, backend: Backend, x_shape: tuple[int, int, int, int, int], training: bool) -> BoundLayer:
        before, size = [0] * 5, list(x_shape)
        for index, (first, last) in enumerate(self._of_axes()):
            axis = back_end_axis(self.rank + 1, index)
            before[axis], size[axis] = first, x_shape[axis] + self.sign * (first + last)
        whole, nowhere = (x_shape, tuple(size)), (0,) * 5
        inner = x_shape if self.sign > 0 else tuple(size)
        starts = (nowhere, tuple(before)) if self.sign > 0 else (tuple(before), nowhere)
        return Moved(backend, backend.block(BlockSpec(*whole, inner, *starts)), *whole, training)

    def _of_axes(self) -> Borders:
        """The borders of each axis of a shape."""
        if self.data_format == "channels_first":
            return (0, 0), *self.borders
        return *self.borders, (0, 0)

    def get_config(self) -> dict[str, Any]:
        pairs = [list(pair) for pair in self.borders]
        return {self.argument: pairs[0] if self.rank == 1 else pairs, **super().get_config()}


def checked_borders(name: str, value: Any, rank: int) -> Borders:
    """Keras' ways to write borders: a number for all, or for each axis a number or a pair; for one axis a pair."""
    axes = [value] if rank == 1 else value
    if isinstance(value, list | tuple) and len(axes) == rank:
        return tuple(_pair(name, each) for each in axes)
    if isinstance(value, list | tuple):
        raise ValueError(f"{name}: expected a whole number or one entry for each of {rank} axes, got {value!r}")
    return (_pair(name, value),) * rank


def _pair(name: str, value: Any) -> tuple[int, int]:
    if not isinstance(value, list | tuple):
        value = (value, value)
    if len(value) != 2:
        raise ValueError(f"{name}: expected a whole number or two of them for each axis, got {value!r}")
    return integer(name, value[0], 0), integer(name, value[1], 0)
