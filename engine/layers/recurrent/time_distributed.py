"""TimeDistributed: a layer applied to every step of a sequence, such as a Conv2D to every frame of a movie."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.layers.bound_layer import WIDE, BoundNode, FramewiseNode, Narrow, StreamingNode
from engine.layers.keras_form import KerasForm
from engine.layers.layer import Layer
from engine.layers.nested import checked_inner, entry_of
from engine.layers.weight import Shape, WeightSpec, time_major
from kernels import Backend
from kernels.arrays import Array
from kernels.operations import ConvLSTM


class TimeDistributed(Layer):
    """Apply a layer to every step of its input, (steps, ...), as if each were a movie of its own.

    So a batch of N sequences of T steps is to the layer a batch of N*T: a BatchNormalization inside normalises over all
    of them, a Dropout draws for each.

    Args:
        layer: what is applied, to shapes of one to three sizes; or a network, whose layers are then applied so one
            after the other.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).

        TimeDistributed(Conv2D(8, 3, padding="same"))       # (frames, height, width, channels) -> (..., 8)
    """

    keras_form = KerasForm(
        "TimeDistributed", groups=("time_distributed",), inner=("layer",), inner_arguments=("layer",)
    )

    def __init__(
        self,
        layer: Any,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        self.layer = checked_inner("layer", layer)
        super().__init__(name, input_shape, batch_input_shape, trainable)
        self._wrapped: dict[Layer, TimeDistributed] = {}
        if not isinstance(self.layer, Layer):
            self.model = self.layer
            return
        if self.layer.stateful:
            raise ValueError(f"layer: {self.layer.name} is stateful; steps of a sequence carry no states to each other")
        self.weights, self.lock = self.layer.weights, self.layer.lock
        self.untrained = self.layer.untrained  # type: ignore[misc]  # the class of all TimeDistributed has none
        if not trainable:
            self.layer.trainable = False

    @property
    def trainable(self) -> bool:
        """Whether updates move the weights."""
        return self._trainable if self.model is not None else bool(self.layer.trainable)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = value
        for layer in self.layer.graph if self.model is not None else [self.layer]:
            layer.trainable = value

    @property
    def activation_name(self) -> str:
        return "linear" if self.model is not None else str(self.layer.activation_name)

    @property
    def can_stream(self) -> bool:
        return self.model is None and bool(self.layer.can_stream)

    @property
    def has_dropout(self) -> bool:
        return self.model is None and bool(self.layer.has_dropout)

    @property
    def weights_owner(self) -> Any:
        return self if self.model is not None else self.layer.weights_owner

    @property
    def has_weights(self) -> bool:
        return self.model is None and bool(self.layer.has_weights)

    def wrapping(self, layer: Layer) -> Layer:
        if layer not in self._wrapped:
            self._wrapped[layer] = TimeDistributed(layer, name=layer.name)
        return self._wrapped[layer]

    def channels(self, shape: Shape) -> int:
        return int(self.layer.channels(_step(self.name, shape)))

    def checked_channels(self, shape: Shape) -> int:
        return int(self.layer.checked_channels(_step(self.name, shape)))

    def declare_weights(self, shape: Shape) -> list[WeightSpec]:
        return [] if self.model is not None else list(self.layer.declare_weights(_step(self.name, shape)))

    def shape_for_weights(self, shapes: Sequence[tuple[int, ...]]) -> Shape:
        return None, *self.layer.shape_for_weights(shapes)[-3:]

    def build(self, shape: Shape, random: np.random.Generator) -> None:
        self.layer.build(_step(self.name, shape), random)
        self.name = self.name  # the weights bear it in front, as those of every layer

    def output_shapes(self, shapes: Sequence[Shape]) -> list[Shape]:
        made = self.layer.output_shapes([_step(self.name, shape) for shape in shapes])
        steps = {shape[0] for shape in shapes} - {None}
        if len(steps) > 1:
            raise ValueError(f"{self.name}: expected as many steps in each input, got {sorted(map(str, steps))}")
        found: list[Shape] = [(next(iter(steps), None), *shape) for shape in made]
        for shape in found:
            if len(shape) > 4:
                raise ValueError(
                    f"{self.name}: expected steps of at most three sizes out of the layer, got {shape[1:]}"
                )
        return found

    def output_shape(self, shape: Shape) -> Shape:
        return self.output_shapes([shape])[0]

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
        steps = shapes[0][0]
        inner = self.layer.bind_node(backend, [shape[1:] for shape in shapes], steps * batch, training, logits)
        made = [tuple(int(size or 0) for size in shape) for shape in self.output_shapes(shapes)]
        folds = [_Fold(backend, shape, batch, len(shapes[0]) == 4) for shape in (*shapes, *made)]
        return _BoundTimeDistributed(inner, folds[: len(shapes)], folds[len(shapes) :])

    def stream_node(
        self, backend: Backend, batch: int, frames: Sequence[tuple[int, int, int]], narrow: Narrow = WIDE
    ) -> StreamingNode:
        return FramewiseNode(self.bind_node(backend, [(1, *frame) for frame in frames], batch, training=False))

    def get_config(self) -> dict[str, Any]:
        return {"layer": entry_of(self.layer), **super().get_config()}


class _Fold:
    """Arrays of sequences as arrays of steps, and back: views, but for one change of order.

    A movie's array has its frames before the batch, every other one the batch before its steps (time_major). So where
    the layer turns frames into vectors, or vectors into frames, steps and batch change places.

    Args:
        shape: of the sequences (steps, ...).
        steps_first: whether the layer's batch has all sequences' first steps first.
    """

    def __init__(self, backend: Backend, shape: tuple[int, ...], batch: int, steps_first: bool) -> None:
        self._whole = time_major(shape, batch)
        steps = shape[0]
        self._folded = time_major(shape[1:], steps * batch)
        self._permute = None
        if (len(shape) == 4) == steps_first or steps == 1 or batch == 1:
            return
        self._permute = backend.permute((1, 0, 2, 3, 4))
        inner = self._folded[2:]
        first = (steps, batch) if steps_first else (batch, steps)
        self._in_layer, self._outside = (*first, *inner), (first[1], first[0], *inner)
        self._into, self._out = backend.empty(self._in_layer), backend.empty(self._outside)

    def fold(self, array: Array) -> Array:
        """Sequences -> steps."""
        if self._permute is not None:
            self._permute.backward(array.reshape(self._outside), self._into)
            array = self._into
        return array.reshape(self._folded)

    def unfold(self, array: Array) -> Array:
        """Steps -> sequences."""
        if self._permute is not None:
            self._permute.forward(array.reshape(self._in_layer), self._out)
            array = self._out
        return array.reshape(self._whole)


class _BoundTimeDistributed(BoundNode):
    def __init__(self, inner: BoundNode, inputs: list[_Fold], outputs: list[_Fold]) -> None:
        self._inner, self._inputs, self._outputs = inner, inputs, outputs

    def forward(self, inputs: Sequence[Array]) -> Sequence[Array]:
        steps = [fold.fold(x) for fold, x in zip(self._inputs, inputs, strict=True)]
        made = self._inner.forward(steps)
        return [fold.unfold(y) for fold, y in zip(self._outputs, made, strict=True)]

    def backward(self, gradients: Sequence[Array | None], needed: Sequence[bool]) -> Sequence[Array | None]:
        steps = [None if dy is None else fold.fold(dy) for fold, dy in zip(self._outputs, gradients, strict=True)]
        made = self._inner.backward(steps, needed)
        return [None if dx is None else fold.unfold(dx) for fold, dx in zip(self._inputs, made, strict=True)]

    def keep_state(self, keep: bool) -> None:
        self._inner.keep_state(keep)

    def draw(self, random: np.random.Generator) -> None:
        self._inner.draw(random)


def _step(name: str, shape: Shape) -> Shape:
    """The shape of one step; ValueError for what has no steps."""
    if len(shape) < 2:
        raise ValueError(f"{name}: expected a sequence (steps, ...), got shape {shape}")
    return shape[1:]
