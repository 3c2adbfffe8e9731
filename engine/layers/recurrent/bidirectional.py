"""Bidirectional: two recurrent layers, one from the first step on and one from the last, side by side."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from engine.layers.bound_layer import WIDE, BoundNode, Narrow
from engine.layers.carried_state import CarriedTogether
from engine.layers.keras_form import KerasForm
from engine.layers.layer import Layer
from engine.layers.merging import Add, Average, Concatenate, Multiply
from engine.layers.nested import checked_inner, entry_of, layer_from_entry
from engine.layers.recurrent.recurrent_layer import RecurrentLayer
from engine.layers.weight import Shape, WeightSpec, known, time_major
from engine.layers.weight_holder import WeightHolder
from engine.support.validation import one_of
from kernels import Backend
from kernels.arrays import Array
from kernels.operations import ConvLSTM

MergeMode = Literal["concat", "sum", "mul", "ave"]

_MERGES: dict[str, type[Layer]] = {"concat": Concatenate, "sum": Add, "mul": Multiply, "ave": Average}


class Bidirectional(Layer):
    """Run a recurrent layer over a sequence in both directions, and merge what they give.

    The second layer's frames are turned round, so that both outputs of a frame stand side by side; without
    return_sequences it gives what it knows when it has come to the first frame. Such a layer cannot stream.

    Args:
        layer: an LSTM, ConvLSTM1D or ConvLSTM2D. A copy of it runs as `forward_layer`, another one, with go_backwards
            the other way, as `backward_layer`; they are named after it.
        merge_mode: of the two outputs: 'concat' (default, along the last axis), 'sum', 'mul', 'ave'; None gives both.
        weights: must be None; set_weights sets them.
        backward_layer: runs in the second one's place; of the same return_sequences, return_state and stateful, and the
            other go_backwards.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).

    Attributes:
        forward_layer, backward_layer: the two layers.
        merge: the layer that merges what they give; None where both are given.

    With return_state the outputs are followed by h and c of both layers, and initial_state is a list of these four.

        Bidirectional(ConvLSTM2D(16, 3, padding="same", return_sequences=True))     # (..., 16) -> (..., 32)
    """

    state_names = ("forward_h", "forward_c", "backward_h", "backward_c")
    keras_form = KerasForm(
        "Bidirectional",
        groups=("bidirectional",),
        inner=("forward_layer", "backward_layer"),
        inner_arguments=("layer", "backward_layer"),
        nullable=("merge_mode",),
        ignored=("return_sequences", "return_state", "stateful", "go_backwards", "zero_output_for_mask"),
    )

    def __init__(
        self,
        layer: Any,
        merge_mode: MergeMode | None = "concat",
        weights: None = None,
        backward_layer: Any = None,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        one_of("weights", weights, [None], "set_weights sets them, once the layer is built")
        self.merge_mode: MergeMode | None = one_of("merge_mode", merge_mode, [*_MERGES, None])
        given = _recurrent("layer", layer)
        self.forward_layer = _copied(given, "forward_", {})
        if backward_layer is None:
            self.backward_layer = _copied(given, "backward_", {"go_backwards": not given.go_backwards})
        else:
            self.backward_layer = _copied(_recurrent("backward_layer", backward_layer), "backward_", {})
        _check_pair(self.forward_layer, self.backward_layer)
        self.backward_layer.turned = True
        self.merge = None if self.merge_mode is None else _MERGES[self.merge_mode]()
        self.stateful = self.forward_layer.stateful
        super().__init__(name, input_shape or given.input_shape, batch_input_shape, trainable)
        if self.stateful:
            self.carried = CarriedTogether([each.carried for each in self.directions])  # type: ignore[assignment]

    @property
    def directions(self) -> tuple[RecurrentLayer, RecurrentLayer]:
        """The two layers."""
        return self.forward_layer, self.backward_layer

    @property
    def layer(self) -> RecurrentLayer:
        """The first of the two, as files call it."""
        return self.forward_layer

    # ---------------------------------------------------------------- name, weights

    @property
    def name(self) -> str:
        """As every layer's; the two layers' names stand behind it in those of the weights."""
        return self._name

    @name.setter
    def name(self, value: str) -> None:
        WeightHolder.name.fset(self, value)  # type: ignore[attr-defined]
        for each in self.directions:
            for weight in each.weights:
                weight.name = f"{value}/{each.name}/{weight.name.rpartition('/')[2]}"

    @property
    def trainable(self) -> bool:
        """Whether updates move the weights."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = value
        for each in self.directions:
            each.trainable = value

    @property
    def has_weights(self) -> bool:
        return True

    @property
    def has_dropout(self) -> bool:
        return any(each.has_dropout for each in self.directions)

    @property
    def looks_ahead(self) -> bool:
        return self.forward_layer.return_sequences

    def channels(self, shape: Shape) -> int:
        return self.forward_layer.channels(shape)

    def declare_weights(self, shape: Shape) -> list[WeightSpec]:
        return [spec for each in self.directions for spec in each.declare_weights(shape)]

    def shape_for_weights(self, shapes: Sequence[tuple[int, ...]]) -> Shape:
        return self.forward_layer.shape_for_weights(shapes)

    def build(self, shape: Shape, random: np.random.Generator) -> None:
        self._built_for = self.checked_channels(shape)
        for each in self.directions:
            each.build(shape, random)
        self.weights = [weight for each in self.directions for weight in each.weights]
        if not self._trainable:
            self.trainable = False
        self.name = self.name

    # ---------------------------------------------------------------- shapes

    @property
    def output_count(self) -> int:
        return (2 if self.merge is None else 1) + (4 if self.forward_layer.return_state else 0)

    def output_shapes(self, shapes: Sequence[Shape]) -> list[Shape]:
        if len(shapes) not in (1, 5):
            raise ValueError(
                f"{self.name}: expected one input, or one and initial_state [h, c] of both layers, got {len(shapes)}"
            )
        first, *of_first = self.forward_layer.output_shapes([shapes[0], *shapes[1:3]])
        second, *of_second = self.backward_layer.output_shapes([shapes[0], *shapes[3:]])
        outputs = [first, second] if self.merge is None else self.merge.output_shapes([first, second])
        return [*outputs, *of_first, *of_second]

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
        of_first, of_second = [shapes[0], *shapes[1:3]], [shapes[0], *shapes[3:]]
        first = self.forward_layer.bind_node(backend, of_first, batch, training)
        second = self.backward_layer.bind_node(backend, of_second, batch, training)
        merge = None
        if self.merge is not None:
            made = [
                known(self.forward_layer.output_shapes(of_first)[0]),
                known(self.backward_layer.output_shapes(of_second)[0]),
            ]
            merge = self.merge.bind_node(backend, made, batch, training)
        dx = backend.empty(time_major(shapes[0], batch)) if training else None
        return _BoundBidirectional(backend, first, second, merge, dx)

    def get_config(self) -> dict[str, Any]:
        return {
            "layer": entry_of(self.forward_layer),
            "merge_mode": self.merge_mode,
            "backward_layer": entry_of(self.backward_layer),
            **super().get_config(),
        }


class _BoundBidirectional(BoundNode):
    def __init__(
        self, backend: Backend, first: BoundNode, second: BoundNode, merge: BoundNode | None, dx: Array | None
    ) -> None:
        self._backend, self._directions, self._merge, self._dx = backend, (first, second), merge, dx

    def forward(self, inputs: Sequence[Array]) -> Sequence[Array]:
        x, states = inputs[0], inputs[1:]
        first, *of_first = self._directions[0].forward([x, *states[:2]])
        second, *of_second = self._directions[1].forward([x, *states[2:]])
        outputs = [first, second] if self._merge is None else self._merge.forward([first, second])
        return [*outputs, *of_first, *of_second]

    def backward(self, gradients: Sequence[Array | None], needed: Sequence[bool]) -> Sequence[Array | None]:
        outputs = 2 if self._merge is None else 1
        states = gradients[outputs:]
        douts: Sequence[Array | None] = gradients[:outputs]
        if self._merge is not None:
            douts = (None, None) if gradients[0] is None else self._merge.backward([gradients[0]], [True, True])
        half, begun = len(states) // 2, (needed[1:3], needed[3:])
        dx, *of_first = self._directions[0].backward([douts[0], *states[:half]], [needed[0], *begun[0]])
        other, *of_second = self._directions[1].backward([douts[1], *states[half:]], [needed[0], *begun[1]])
        if dx is not None and other is not None:
            self._backend.add(dx, other, self._dx)
            dx = self._dx
        return [dx, *of_first, *of_second]

    def keep_state(self, keep: bool) -> None:
        for each in self._directions:
            each.keep_state(keep)

    def draw(self, random: np.random.Generator) -> None:
        for each in self._directions:
            each.draw(random)


def _recurrent(argument: str, layer: Any) -> RecurrentLayer:
    """What can run in two directions, given as a layer or as what entry_of returned."""
    made = checked_inner(argument, layer)
    if not isinstance(made, RecurrentLayer):
        raise ValueError(f"{argument}: expected an LSTM, ConvLSTM1D or ConvLSTM2D, got {type(made).__name__}")
    return made


def _copied(layer: RecurrentLayer, prefix: str, changed: dict[str, Any]) -> RecurrentLayer:
    """A fresh layer with the same arguments, named after the given one as Keras does."""
    entry = entry_of(layer)
    name = prefix + layer.name.removeprefix(prefix)
    copy = layer_from_entry({**entry, "config": {**entry["config"], **changed, "name": name}})
    assert isinstance(copy, RecurrentLayer)
    return copy


def _check_pair(first: RecurrentLayer, second: RecurrentLayer) -> None:
    for argument in ("return_sequences", "return_state", "stateful"):
        if getattr(first, argument) != getattr(second, argument):
            raise ValueError(f"backward_layer: expected the same {argument} as layer's, {getattr(first, argument)}")
    if first.go_backwards == second.go_backwards:
        raise ValueError(f"backward_layer: expected go_backwards={not first.go_backwards}, the opposite of layer's")
