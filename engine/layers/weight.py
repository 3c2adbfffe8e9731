"""One array of a layer, and shapes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.constraints import Constraint
from engine.regularizers import Regularizer
from kernels import Backend
from kernels.arrays import Array, HostArray

Shape = tuple[int | None, ...]
"""Shape of a layer's input or output without the axis of the movies; None where any size will do."""


RANKS = range(1, 5)
"""How many sizes a Shape may have."""


@dataclass(frozen=True)
class WeightSpec:
    """A weight as a layer declares it, before there is memory for it.

    Attributes:
        name: Keras' name of the array; the layer has the Weight as its attribute of this name.
        shape: of the array.
        initializer: (shape, random numbers) -> the array to start from.
        regularizer, constraint: what training asks of it besides the loss.
    """

    name: str
    shape: tuple[int, ...]
    initializer: Callable[[tuple[int, ...], np.random.Generator], HostArray]
    regularizer: Regularizer | None = None
    constraint: Constraint | None = None


NOT_THERE: Any = None
"""None, where code that runs later takes an array for granted."""


@dataclass
class Weight:
    """One array of a layer, trained or moved.

    Attributes:
        name: layer name, slash, Keras' name of the array, e.g. "conv_lstm2d_1/recurrent_kernel".
        shape: of the array.
        trainable: whether updates move it; not BatchNormalization's moving statistics, not what is frozen.
        initial: the array it starts from, on the host.
        has_gradient: whether backward writes a gradient for it, frozen or not.
        regularizer, constraint: what training asks of it besides the loss.
        value, gradient: the back end's arrays, once the network has placed them (gradient None without has_gradient).
        backend: whose arrays they are.
        place: device and dtype of the network that placed them; None: no network has.
    """

    name: str
    shape: tuple[int, ...]
    trainable: bool
    initial: HostArray
    has_gradient: bool = True
    regularizer: Regularizer | None = None
    constraint: Constraint | None = None
    value: Array = field(default=NOT_THERE, repr=False)
    gradient: Array = field(default=NOT_THERE, repr=False)
    backend: Backend | None = field(default=None, repr=False)
    place: str | None = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """A copy is on no back end, and begins with what the array is now."""
        nowhere = {"value": None, "gradient": None, "backend": None, "place": None}
        return self.__dict__ | {"initial": self.to_host()} | nowhere

    def to_host(self) -> HostArray:
        """A copy of the array as it is now."""
        return self.initial.copy() if self.backend is None else self.backend.to_host(self.value)

    def place_alone(self, backend: Backend) -> None:
        """Give the array, and its gradient if it has one, memory on a back end outside any network."""
        self.value = backend.zeros(self.shape)
        backend.copy_into(self.value, self.initial)
        self.gradient = backend.zeros(self.shape) if self.has_gradient else NOT_THERE
        self.backend = backend

    def assign(self, array: HostArray) -> None:
        """Set the array; shape must be this weight's."""
        if self.backend is None:
            self.initial = np.array(array)
        else:
            self.backend.copy_into(self.value, array)


def stand_in(backend: Backend, size: int, value: float) -> Weight:
    """What a kernel gets for a weight that the layer has not: constant, with a gradient that nobody reads."""
    array = np.full(size, value)
    return Weight(
        "", (size,), False, array, value=backend.from_host(array), gradient=backend.zeros((size,)), backend=backend
    )


def time_major(shape: tuple[int, ...], batch: int) -> tuple[int, int, int, int, int]:
    """The shape (T,B,H,W,C) of the back end's array for a batch of this shape, 1 to 4 sizes without the batch.

    Sizes fill it from the right: (frames, height, width, channels), (height, width, channels), (steps, features) as
    W and C, (features,) as C. So an array is the batch as it stands in memory, but that frames come before it.
    """
    frames, height, width, channels = (*(1,) * (4 - len(shape)), *shape)
    return frames, batch, height, width, channels


def back_end_axis(rank: int, index: int) -> int:
    """The axis of the back end's array that is axis `index` of a shape with `rank` sizes (see time_major)."""
    return 0 if (rank, index) == (4, 0) else 5 - rank + index


def known(shape: Shape) -> tuple[int, ...]:
    """A shape that comes of known sizes, and so has no None."""
    return tuple(int(size) for size in shape if size is not None)


def checked_input_shape(shape: Any) -> Shape | None:
    """A shape without the movies' axis, as a tuple; None stays None."""
    if shape is None:
        return None
    ok = isinstance(shape, list | tuple) and len(shape) in RANKS
    if not ok or any(size is not None and not _is_size(size) for size in shape):
        raise ValueError(
            "input_shape: expected 1 to 4 sizes, such as (frames, height, width, channels), each at least 1, or None "
            f"where any size will do, got {shape!r}"
        )
    return tuple(None if size is None else int(size) for size in shape)


def _is_size(size: Any) -> bool:
    return isinstance(size, int | np.integer) and not isinstance(size, bool) and bool(size >= 1)
