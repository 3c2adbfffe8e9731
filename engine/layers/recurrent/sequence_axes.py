"""How the arrays of a recurrent layer become the movies (T,B,H,W,C) that its recurrence runs on, and back.

A back end's array holds the time of a movie in its first axis, and that of a shorter shape, such as (steps, features),
in a later one (engine/layers/weight.py, time_major). The recurrence wants it first.
"""

from dataclasses import dataclass

import numpy as np

from engine.layers.eager import from_time_major, to_time_major
from engine.layers.permuted import AS_IT_IS, Axes
from kernels.arrays import HostArray
from kernels.operations.layout import inverse


@dataclass(frozen=True)
class SequenceAxes:
    """Orders of axes, as numpy.transpose has them.

    Attributes:
        into: of the layer's input, which it makes (T,B,H,W,C).
        out: of h of every frame, (T,B,H',W',F), which it makes the layer's output.
        last: of one h or c, (1,B,H',W',F), which it makes an output, or an initial state, of the layer.
    """

    into: Axes = AS_IT_IS
    out: Axes = AS_IT_IS
    last: Axes = AS_IT_IS

    @property
    def of_movies(self) -> bool:
        """Whether nothing changes."""
        return self == SequenceAxes()

    def into_movies(self, x: HostArray) -> HostArray:
        """A batch (N, *shape) of the layer's inputs -> (T,N,H,W,C)."""
        return np.ascontiguousarray(to_time_major(x).transpose(self.into))

    def out_of_movies(self, y: HostArray, shape: tuple[int, ...], sequences: bool) -> HostArray:
        """h (T,N,H',W',F) of every frame, or of the last, -> a batch (N, *shape)."""
        return from_time_major(y.transpose(self.out if sequences else self.last), shape)

    def into_gradient(self, dy: HostArray, sequences: bool) -> HostArray:
        """A batch of gradients of outputs -> those of h."""
        return np.ascontiguousarray(to_time_major(dy).transpose(inverse(self.out if sequences else self.last)))

    def out_of_gradient(self, dx: HostArray, shape: tuple[int, ...]) -> HostArray:
        """dx (T,N,H,W,C) -> a batch (N, *shape) of gradients of inputs."""
        return from_time_major(dx.transpose(inverse(self.into)), shape)

    def into_state(self, state: HostArray) -> HostArray:
        """A batch (N, *shape) of states -> (N,H',W',F)."""
        return np.ascontiguousarray(to_time_major(state).transpose(inverse(self.last)))[0]

    def out_of_state(self, state: HostArray, shape: tuple[int, ...]) -> HostArray:
        """The inverse."""
        return from_time_major(state[np.newaxis].transpose(self.last), shape)
