"""A recurrent layer bound to a batch shape: what stands around the recurrence, order in time, last frame, states."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.layers.bound_layer import BoundNode, own_random
from engine.layers.layer import WIDE, BoundLayer, Narrow, StreamingLayer
from engine.layers.permuted import ChangedAxes
from engine.layers.recurrent.conv_lstm_arguments import ConvLSTMArguments
from engine.layers.recurrent.conv_lstm_recurrence import FusedRecurrence, recurrence_of
from engine.layers.weight import time_major
from kernels import Backend
from kernels.arrays import Array
from kernels.operations import ConvLSTM
from kernels.operations.layout import inverse


class BoundConvLSTM(BoundLayer):
    """The layer on channels-last movies (T,B,H,W,C).

    Attributes:
        recurrence: what computes.
        y_shape: of the time-major output.
        start: h and c (B,H',W',F) to begin with, in place of what the layer carries or zeros.
        last: h and c after the last frame.
    """

    def __init__(
        self,
        layer: ConvLSTMArguments,
        backend: Backend,
        movie: tuple[int, ...],
        batch: int,
        training: bool,
        fused: bool,
        narrow: Narrow = WIDE,
    ) -> None:
        self.recurrence = recurrence_of(layer, backend, movie, batch, training, fused, narrow)
        self._layer, self._backend, self._frames = layer, backend, movie[0]
        state = self.recurrence.state_shape
        self.y_shape = (movie[0] if layer.return_sequences else 1, *state)
        self.start: tuple[Array, Array] | None = None
        self._keep = True
        if layer.go_backwards:
            self._reversed = backend.empty((movie[0], batch, *movie[1:]))
        if layer.go_backwards and training:
            self._dx = backend.empty(self._reversed.shape)
        self._turns = layer.turned and layer.return_sequences
        if self._turns:
            self._y, self._dy = backend.empty(self.y_shape), backend.empty(self.y_shape)
        if layer.stateful:
            self._carried = layer.carried.on(backend, state)
            self._begun = backend.zeros(state), backend.zeros(state)
        if training and (layer.return_state or layer.turned or not layer.return_sequences):
            self._dh = backend.zeros((movie[0], *state))
            self._zero = backend.zeros(state)

    @property
    def conv_lstm(self) -> ConvLSTM[Array] | None:
        if isinstance(self.recurrence, FusedRecurrence) and self._layer.return_sequences and not self._turns:
            return self.recurrence.operation
        return None

    def keep_state(self, keep: bool) -> None:
        self._keep = keep

    def draw(self, random: np.random.Generator) -> None:
        self.recurrence.draw(own_random(random, self._layer.seed))

    def forward(self, x: Array) -> Array:
        if self._layer.go_backwards:
            self._reverse(x, self._reversed)
            x = self._reversed
        h, c = self.recurrence.forward(x, *self._first_state())
        self.last = h[self._frames - 1], c
        if self._layer.stateful and self._keep:
            for carried, last in zip(self._carried, self.last, strict=True):
                self._backend.copy_into(carried, last)
        if self._turns:
            self._reverse(h, self._y)
            return self._y
        return h if self._layer.return_sequences else h[self._frames - 1 :]

    def backward(self, dy: Array, need_dx: bool) -> Array | None:
        return self.backward_to_states(dy, None, None, need_dx, need_dstate=False)[0]

    def backward_to_states(
        self, dy: Array | None, dh_last: Array | None, dc_last: Array | None, need_dx: bool, need_dstate: bool
    ) -> tuple[Array | None, Array | None, Array | None]:
        """Backpropagate what reaches the output (as y_shape), the last h and the last c (B,H',W',F); None: zero.

        Returns dx, dh0 and dc0, None where they are not needed. dy may be overwritten.
        """
        dh = self._dh_of_all(dy, dh_last)
        dx, dh0, dc0 = self.recurrence.backward(dh, dc_last, need_dx, need_dstate)
        if dx is not None and self._layer.go_backwards:
            self._reverse(dx, self._dx)
            dx = self._dx
        return dx, dh0, dc0

    def _dh_of_all(self, dy: Array | None, dh_last: Array | None) -> Array:
        """The gradient of every h, (T,B,H',W',F)."""
        if self._layer.return_sequences and dy is not None:
            if self._turns:
                self._reverse(dy, self._dy)
                dy = self._dy
            if dh_last is not None:
                newest = dy[self._frames - 1]
                self._backend.add(newest, dh_last, newest)
            return dy
        newest, of_output = self._dh[self._frames - 1], None if dy is None else dy[0]
        if of_output is not None and dh_last is not None:
            self._backend.add(of_output, dh_last, newest)
        else:
            one = dh_last if of_output is None else of_output
            self._backend.copy_into(newest, self._zero if one is None else one)
        return self._dh

    def _first_state(self) -> tuple[Array | None, Array | None]:
        if self.start is not None:
            return self.start
        if not self._layer.stateful:
            return None, None
        for begun, carried in zip(self._begun, self._carried, strict=True):
            self._backend.copy_into(begun, carried)  # backward needs it after forward has moved the state on
        return self._begun

    def _reverse(self, x: Array, y: Array) -> None:
        for t in range(self._frames):
            self._backend.copy_into(y[t], x[self._frames - 1 - t])


class StateEdges(BoundNode):
    """A recurrent layer in its own axes, whose states may come in and go out as values of a graph.

        y               = layer(x)
        y, h_T, c_T     = layer(x, h_0, c_0)         return_state; either without the other too

    Args:
        shapes: of the inputs, without the batch: x, or x, h_0 and c_0.
    """

    def __init__(
        self,
        layer: ConvLSTMArguments,
        backend: Backend,
        shapes: Sequence[tuple[int, ...]],
        batch: int,
        training: bool,
        narrow: Narrow = WIDE,
    ) -> None:
        axes, x_shape = layer.sequence_axes, time_major(shapes[0], batch)
        self._axes = axes
        self._movies = frames, movies, *frame = axes.grouped(tuple(x_shape[axis] for axis in axes.into))
        self._bound = BoundConvLSTM(
            layer, backend, (frames, *frame), movies, training, layer.is_fused(training), narrow
        )
        self._state, self._y = (1, *self._bound.recurrence.state_shape), self._bound.y_shape
        state = axes.ungrouped(self._state)
        outwards = axes.out if layer.return_sequences else axes.last
        self._into = ChangedAxes(backend, axes.into, x_shape)
        self._out = ChangedAxes(backend, outwards, axes.ungrouped(self._y))
        inwards = inverse(axes.last)
        self._begun = [ChangedAxes(backend, inwards, time_major(shape, batch)) for shape in shapes[1:]]
        self._ended = [ChangedAxes(backend, axes.last, state) for _ in (0, 1) if layer.return_state]
        self._h_is_output = axes.of_movies and not self._begun and not self._ended

    @property
    def conv_lstm(self) -> ConvLSTM[Array] | None:
        """None where h is not the output as it stands, or its gradient is not that of the output alone."""
        return self._bound.conv_lstm if self._h_is_output else None

    def keep_state(self, keep: bool) -> None:
        self._bound.keep_state(keep)

    def draw(self, random: np.random.Generator) -> None:
        self._bound.draw(random)

    def forward(self, inputs: Sequence[Array]) -> Sequence[Array]:
        if self._begun:
            given = zip(self._begun, inputs[1:], strict=True)
            h, c = (shaped(change.forward(state), self._state)[0] for change, state in given)
            self._bound.start = h, c
        y = self._bound.forward(shaped(self._into.forward(inputs[0]), self._movies))
        output = self._out.forward(shaped(y, self._axes.ungrouped(self._y)))
        if not self._ended:
            return (output,)
        one = self._axes.ungrouped(self._state)
        ended = zip(self._ended, self._bound.last, strict=True)
        return output, *(change.forward(state.reshape(one)) for change, state in ended)

    def backward(self, gradients: Sequence[Array | None], needed: Sequence[bool]) -> Sequence[Array | None]:
        dy = None if gradients[0] is None else shaped(self._out.backward(gradients[0]), self._y)
        dh, dc = (
            (
                None if given is None else shaped(change.backward(given), self._state)[0]
                for change, given in zip(self._ended, gradients[1:], strict=True)
            )
            if self._ended
            else (None, None)
        )
        dx, *dbegun = self._bound.backward_to_states(dy, dh, dc, needed[0], any(needed[1:]))
        moved = self._axes.ungrouped(self._movies), self._axes.ungrouped(self._state)
        back: list[Array | None] = [None if dx is None else self._into.backward(shaped(dx, moved[0]))]
        for change, dstate, asked in zip(self._begun, dbegun, needed[1:], strict=False):
            back.append(change.backward(dstate.reshape(moved[1])) if asked and dstate is not None else None)
        return back


def shaped(array: Array, shape: tuple[int, ...]) -> Array:
    """The array in this shape; itself where it has it, by which a linked BatchNormalization knows it."""
    return array if array.shape == shape else array.reshape(shape)


class StreamingConvLSTM(StreamingLayer):
    """One frame at a time, from the zero state."""

    def __init__(
        self, layer: ConvLSTMArguments, backend: Backend, batch: int, frame: tuple[int, int, int], narrow: Narrow
    ) -> None:
        self._backend = backend
        self._recurrence = recurrence_of(
            layer, backend, (1, *frame), batch, False, layer.is_fused(training=False), narrow
        )
        self._states: list[tuple[Any, Any]] = [(None, None), (None, None)]
        """What an even frame begins with, and an odd one."""
        if not isinstance(self._recurrence, FusedRecurrence):
            state = self._recurrence.state_shape
            self._states = [(backend.zeros(state), backend.zeros(state))] * 2

    def step(self, x: Array, t: int) -> Array:
        recurrence, backend = self._recurrence, self._backend
        h, c = (None, None) if t == 0 else self._states[t % 2]
        if isinstance(recurrence, FusedRecurrence):
            after = recurrence.step(x, h, c, same_weights=t > 0)
            self._states[(t + 1) % 2] = after
            return after[0]
        h, c = recurrence.forward(x[None], h, c)
        own_h, own_c = self._states[0]
        backend.copy_into(own_h, h[0])
        backend.copy_into(own_c, c)
        return own_h
