"""An operation that moves numbers, with memory for where they go."""

from typing import Protocol

from engine.layers.layer import BoundLayer
from engine.layers.weight import NOT_THERE
from kernels import Backend
from kernels.arrays import Array


class Move(Protocol):
    """An operation of the back end such as Permute, Block or Broadcast."""

    def forward(self, x: Array, y: Array) -> None:
        """Write y."""

    def backward(self, dy: Array, dx: Array) -> None:
        """Write dx."""


class Moved(BoundLayer):
    """Runs `move` from x to an y of its own, and back to a dx of its own."""

    def __init__(
        self, backend: Backend, move: Move, x_shape: tuple[int, ...], y_shape: tuple[int, ...], training: bool
    ) -> None:
        self._move, self._y = move, backend.empty(y_shape)
        self._dx = backend.empty(x_shape) if training else NOT_THERE

    def forward(self, x: Array) -> Array:
        self._move.forward(x, self._y)
        return self._y

    def backward(self, dy: Array, need_dx: bool) -> Array | None:
        return self.back(dy) if need_dx else None

    def back(self, dy: Array) -> Array:
        """Give dx; where it was bound for training."""
        self._move.backward(dy, self._dx)
        return self._dx
