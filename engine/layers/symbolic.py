"""A network while it is written down: tensors without numbers, and the calls of layers that they come from.

x = Input((None, 40, 40, 1))            # a SymbolicTensor
y = Conv3D(1, 3)(x)                     # a Call of the layer, and its output
model = Model(x, y)                     # reads the calls back from y to x (engine/graph/tracing.py)
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from weakref import ref

from engine.layers.weight import Shape


class Callable(Protocol):
    """What can be called on symbolic tensors: a layer, or a network as a layer."""

    name: str

    def output_shapes(self, shapes: Sequence[Shape]) -> list[Shape]:
        """The shapes out, for these shapes in; ValueError for inputs that it cannot take, or so many."""


@dataclass(eq=False)
class Call:
    """One use of a layer.

    Attributes:
        layer: what was called.
        inputs: the tensors that went in, initial states last.
        initial_states: how many of them are those.
        outputs: the tensors that came out.
    """

    layer: Any
    inputs: tuple["SymbolicTensor", ...]
    initial_states: int = 0
    outputs: tuple["SymbolicTensor", ...] = field(default=(), repr=False)


class SymbolicTensor:
    """A tensor of a network that is being written down; what layers and Model take and give.

    Attributes:
        sizes: its shape without the axis of the batch; None where any size will do.
        batch_size: of the batch; None where any will do.
        call: that it comes out of.
        index: which of the call's outputs it is.
    """

    def __init__(self, call: Call, index: int, sizes: Shape, batch_size: int | None) -> None:
        self.call, self.index, self.sizes, self.batch_size = call, index, sizes, batch_size

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Its shape with the axis of the batch first, as Keras has it: (None, frames, height, width, channels)."""
        return (self.batch_size, *self.sizes)

    @property
    def name(self) -> str:
        """The name of the layer that it comes out of."""
        return str(self.call.layer.name)

    def __repr__(self) -> str:
        return f"<SymbolicTensor shape={self.shape}, from {self.name!r}>"

    def __len__(self) -> int:
        raise TypeError(f"{self!r} has no length yet; its shape is .shape")

    def __iter__(self) -> Any:
        raise TypeError(f"{self!r} has no numbers yet, and cannot be iterated over; call layers on it")

    def __bool__(self) -> bool:
        raise TypeError(f"{self!r} has no numbers yet, and is neither true nor false")

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError(f"{self!r} has no numbers yet; NumPy functions cannot take it, layers can")


def is_symbolic(value: Any) -> bool:
    """Whether a value is a symbolic tensor, or a list or dict that holds one."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return any(isinstance(each, SymbolicTensor) for each in value)
    return isinstance(value, SymbolicTensor)


def call(layer: Callable, inputs: Any, initial_state: Any = None) -> SymbolicTensor | list[SymbolicTensor]:
    """Call a layer on symbolic tensors: one, or a list for a layer of several inputs.

    Returns its output, or a list of them for a layer of several. Raises ValueError: the layer cannot take these.
    """
    given = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
    states = list(initial_state) if isinstance(initial_state, list | tuple) else [initial_state]
    states = [] if initial_state is None else states
    for name, group in (("inputs", given), ("initial_state", states)):
        for tensor in group:
            if not isinstance(tensor, SymbolicTensor):
                raise ValueError(f"{layer.name}: {name}: expected symbolic tensors, or arrays alone, got {tensor!r}")
    tensors = (*given, *states)
    if not tensors:
        raise ValueError(f"{layer.name}: inputs: expected at least one tensor, got none")
    sizes = {tensor.batch_size for tensor in tensors} - {None}
    if len(sizes) > 1:
        raise ValueError(f"{layer.name}: inputs: expected one batch size, got {sorted(sizes)}")
    made = Call(layer, tensors, len(states))
    shapes = layer.output_shapes([tensor.sizes for tensor in tensors])
    batch_size = next(iter(sizes), None)
    made.outputs = tuple(SymbolicTensor(made, number, shape, batch_size) for number, shape in enumerate(shapes))
    note_call(made)
    return made.outputs[0] if len(made.outputs) == 1 else list(made.outputs)


def note_call(made: Call) -> None:
    """Let the layer know of a use of it, for as long as any of its tensors lives."""
    calls = made.layer.__dict__.setdefault("_calls", [])
    calls[:] = [*(call for call in calls if call() is not None), ref(made)]


def first_call(layer: Any) -> Call | None:
    """The earliest use of a layer that still lives; None: there is none."""
    return next((call for made in layer.__dict__.get("_calls", ()) if (call := made()) is not None), None)
