"""How the arrays of a recurrent layer become the movies (T,B,H,W,C) that its recurrence runs on, and back.

A back end's array holds the time of a movie in its first axis, and that of a shorter shape, such as (steps, features),
in a later one (engine/layers/weight.py, time_major). The recurrence wants it first.

An LSTM's sequences could be movies of one pixel each. They are pixels instead, for kernels of one tap do not see which
pixels are neighbours, and products have more rows so; of a few movies, so that threads have a movie each.
"""

from dataclasses import dataclass

import numpy as np

from engine.layers.eager import from_time_major, to_time_major
from engine.layers.permuted import AS_IT_IS, Axes
from kernels.arrays import HostArray
from kernels.operations.layout import inverse

_PIXELS = 8
"""That a movie of sequences has, where there are enough; fewer leave rows of the products' blocks empty."""


@dataclass(frozen=True)
class SequenceAxes:
    """Orders of axes, as numpy.transpose has them.

    Attributes:
        into: of the layer's input, which it makes (T,B,H,W,C).
        out: of h of every frame, (T,B,H',W',F), which it makes the layer's output.
        last: of one h or c, (1,B,H',W',F), which it makes an output, or an initial state, of the layer.
        pixels_are_sequences: whether `into` gives (T,1,1,N,C), to be cut into movies by `grouped`.
    """

    into: Axes = AS_IT_IS
    out: Axes = AS_IT_IS
    last: Axes = AS_IT_IS
    pixels_are_sequences: bool = False

    @property
    def of_movies(self) -> bool:
        """Whether nothing changes."""
        return self == SequenceAxes()

    def grouped(self, shape: Axes) -> Axes:
        """The shape that the recurrence takes, for an array that `into` made: (T,1,1,N,C) -> (T,M,1,N/M,C).

        M is a power of two that divides N and leaves eight pixels or more of a movie, or else two movies if N is even;
        it is the same on any number of threads, and so are the bits of sums.
        """
        if not self.pixels_are_sequences:
            return shape
        frames, _, _, pixels, channels = shape
        movies = 2 - pixels % 2
        while pixels % (2 * movies) == 0 and pixels // (2 * movies) >= _PIXELS:
            movies *= 2
        return frames, movies, 1, pixels // movies, channels

    def ungrouped(self, shape: Axes) -> Axes:
        """The inverse, for h of one or more frames."""
        if not self.pixels_are_sequences:
            return shape
        frames, movies, _, pixels, channels = shape
        return frames, 1, 1, movies * pixels, channels

    def into_movies(self, x: HostArray) -> HostArray:
        """A batch (N, *shape) of the layer's inputs -> (T,N,H,W,C)."""
        movies = np.ascontiguousarray(to_time_major(x).transpose(self.into))
        return movies.reshape(self.grouped(movies.shape))

    def out_of_movies(self, y: HostArray, shape: tuple[int, ...], sequences: bool) -> HostArray:
        """h (T,N,H',W',F) of every frame, or of the last, -> a batch (N, *shape)."""
        y = y.reshape(self.ungrouped(y.shape))
        return from_time_major(y.transpose(self.out if sequences else self.last), shape)

    def into_gradient(self, dy: HostArray, sequences: bool) -> HostArray:
        """A batch of gradients of outputs -> those of h."""
        dh = np.ascontiguousarray(to_time_major(dy).transpose(inverse(self.out if sequences else self.last)))
        return dh.reshape(self.grouped(dh.shape))

    def out_of_gradient(self, dx: HostArray, shape: tuple[int, ...]) -> HostArray:
        """dx (T,N,H,W,C) -> a batch (N, *shape) of gradients of inputs."""
        return from_time_major(dx.reshape(self.ungrouped(dx.shape)).transpose(inverse(self.into)), shape)

    def into_state(self, state: HostArray) -> HostArray:
        """A batch (N, *shape) of states -> (N,H',W',F)."""
        made = np.ascontiguousarray(to_time_major(state).transpose(inverse(self.last)))
        return made.reshape(self.grouped(made.shape))[0]

    def out_of_state(self, state: HostArray, shape: tuple[int, ...]) -> HostArray:
        """The inverse."""
        frame = state[np.newaxis]
        return from_time_major(frame.reshape(self.ungrouped(frame.shape)).transpose(self.last), shape)
