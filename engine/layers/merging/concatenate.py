"""Concatenate: several inputs side by side."""

from collections.abc import Sequence
from typing import Any

from engine.layers.bound_layer import WIDE, BoundNode, Narrow
from engine.layers.keras_form import KerasForm
from engine.layers.layer import Layer
from engine.layers.weight import RANKS, Shape, back_end_axis, known, time_major
from engine.support.validation import integer
from kernels import Backend
from kernels.arrays import Array
from kernels.operations import ConvLSTM
from kernels.specs import BlockSpec


class Concatenate(Layer):
    """Any number of inputs side by side along one axis; their other sizes are equal.

    Args:
        axis: counted with the batch's, which is 0, or from the end (default -1, the channels). Any but the batch's: 1
            of movies is time, over which the layer cannot stream.
        name, trainable: as for every layer (see Layer).
    """

    keras_form = KerasForm("Concatenate", groups=("concatenate",), renamed={"concat_axis": "axis"}, merge_mode="concat")

    def __init__(
        self,
        axis: int = -1,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape, batch_input_shape, trainable)
        self.axis = integer("axis", axis, -RANKS[-1])
        if self.axis == 0 or self.axis > RANKS[-1]:
            raise ValueError(f"axis: expected an axis of the inputs but the batch's, which is 0, got {axis!r}")

    @property
    def can_stream(self) -> bool:
        return self.axis not in (1, -4)

    @property
    def looks_ahead(self) -> bool:
        return not self.can_stream

    def output_shapes(self, shapes: Sequence[Shape]) -> list[Shape]:
        if not shapes:
            raise ValueError(f"{self.name}: expected at least one input, got none")
        rank = len(shapes[0])
        texts = ", ".join(str((None, *shape)) for shape in shapes)
        if any(len(shape) != rank for shape in shapes) or not -rank <= self.axis <= rank:
            raise ValueError(f"{self.name}: expected inputs of one rank with an axis {self.axis}, got {texts}")
        joined = self._index(rank)
        found: list[int | None] = []
        for index, sizes in enumerate(zip(*shapes, strict=True)):
            numbers = known(sizes)
            if index == joined:
                found.append(None if None in sizes else sum(numbers))
            elif len(set(numbers)) > 1:
                raise ValueError(f"{self.name}: expected inputs that differ along axis {self.axis} only, got {texts}")
            else:
                found.append(numbers[0] if numbers else None)
        return [tuple(found)]

    def bind_node(
        self,
        backend: Backend,
        shapes: Sequence[tuple[int, ...]],
        batch: int,
        training: bool,
        logits: bool = False,
        narrow: Narrow = WIDE,
        source: ConvLSTM[Array] | None = None,
    ) -> BoundNode:
        y_shape = time_major(known(self.output_shapes(shapes)[0]), batch)
        axis = back_end_axis(len(shapes[0]), self._index(len(shapes[0])))
        return _BoundConcatenate(backend, [time_major(shape, batch) for shape in shapes], y_shape, axis, training)

    def get_config(self) -> dict[str, Any]:
        return {"axis": self.axis, **super().get_config()}

    def _index(self, rank: int) -> int:
        """Which size of a shape without the batch's it is."""
        return self.axis - 1 if self.axis > 0 else rank + self.axis


class _BoundConcatenate(BoundNode):
    """A block of y for each input."""

    def __init__(
        self,
        backend: Backend,
        x_shapes: Sequence[tuple[int, ...]],
        y_shape: tuple[int, ...],
        axis: int,
        training: bool,
    ) -> None:
        self._blocks, start = [], [0] * 5
        for shape in x_shapes:
            spec = BlockSpec(shape, y_shape, size=shape, x_start=(0,) * 5, y_start=tuple(start), zeros=False)
            self._blocks.append(backend.block(spec))
            start[axis] += shape[axis]
        self._y = backend.empty(y_shape)
        self._gradients = [backend.empty(shape) for shape in x_shapes] if training else []

    def forward(self, inputs: Sequence[Array]) -> Sequence[Array]:
        for block, x in zip(self._blocks, inputs, strict=True):
            block.forward(x, self._y)
        return (self._y,)

    def backward(self, gradients: Sequence[Array | None], needed: Sequence[bool]) -> Sequence[Array | None]:
        dy = gradients[0]
        assert dy is not None, "a node that nothing depends on is not differentiated"
        for block, dx, wanted in zip(self._blocks, self._gradients, needed, strict=True):
            if wanted:
                block.backward(dy, dx)
        return [dx if wanted else None for dx, wanted in zip(self._gradients, needed, strict=True)]
