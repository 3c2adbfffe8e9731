"""A ConvLSTM2D bound to a batch shape: what stands around the recurrence. Order in time, the last frame, states."""

from typing import Any

import numpy as np

from engine.layers.bound_layer import own_random
from engine.layers.layer import WIDE, BoundLayer, Narrow, StreamingLayer
from engine.layers.permuted import PermutedLayer
from engine.layers.recurrent.conv_lstm_arguments import ConvLSTMArguments
from engine.layers.recurrent.conv_lstm_recurrence import FusedRecurrence, recurrence_of
from engine.layers.weight import time_major
from kernels import Backend
from kernels.arrays import Array
from kernels.operations import ConvLSTM


class BoundConvLSTM2D(BoundLayer):
    """The layer on channels-last movies (T,H,W,C).

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
        if layer.stateful:
            self._carried = layer.carried.on(backend, state)
            self._begun = backend.zeros(state), backend.zeros(state)
        if training and not layer.return_sequences:
            self._dh = backend.zeros((movie[0], *state))

    @property
    def conv_lstm(self) -> ConvLSTM[Array] | None:
        if isinstance(self.recurrence, FusedRecurrence) and self._layer.return_sequences:
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
        return h if self._layer.return_sequences else h[self._frames - 1 :]

    def backward(self, dy: Array, need_dx: bool) -> Array | None:
        dx = self.recurrence.backward(self.dh_of_all(dy), need_dx)
        return None if dx is None else self.in_time(dx)

    def dh_of_all(self, dy: Array) -> Array:
        """The gradient of the output as one of every h (T,B,H',W',F)."""
        if self._layer.return_sequences:
            return dy
        self._backend.copy_into(self._dh[self._frames - 1], dy[0])
        return self._dh

    def in_time(self, dx: Array) -> Array:
        """dx of the recurrence, in the order of the input's frames."""
        if not self._layer.go_backwards:
            return dx
        self._reverse(dx, self._dx)
        return self._dx

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


def bound_in_axes(
    layer: ConvLSTMArguments,
    backend: Backend,
    shape: tuple[int, ...],
    batch: int,
    training: bool,
    fused: bool,
    narrow: Narrow = WIDE,
) -> tuple[BoundLayer, BoundConvLSTM2D]:
    """Bind a layer; returns it, and what it is without the change of axes that channels_first asks for."""
    if layer.data_format == "channels_last":
        inner = BoundConvLSTM2D(layer, backend, shape, batch, training, fused, narrow)
        return inner, inner
    frames, channels, height, width = shape
    inner = BoundConvLSTM2D(layer, backend, (frames, height, width, channels), batch, training, fused)
    axes = (0, 1, 3, 4, 2), (0, 1, 4, 2, 3)
    return PermutedLayer(backend, inner, *axes, time_major(shape, batch), inner.y_shape), inner


class StreamingConvLSTM2D(StreamingLayer):
    """One frame at a time, from the zero state."""

    def __init__(
        self, layer: ConvLSTMArguments, backend: Backend, batch: int, frame: tuple[int, int, int], narrow: Narrow
    ) -> None:
        self._layer, self._backend = layer, backend
        self._recurrence = recurrence_of(
            layer, backend, (1, *frame), batch, False, layer.is_fused(training=False), narrow
        )
        self._states: list[tuple[Any, Any]] = [(None, None), (None, None)]
        """What an even frame begins with, and an odd one."""
        if not isinstance(self._recurrence, FusedRecurrence):
            state = self._recurrence.state_shape
            self._states = [(backend.zeros(state), backend.zeros(state))] * 2

    def step(self, x: Array, t: int) -> Array:
        layer, recurrence, backend = self._layer, self._recurrence, self._backend
        h, c = (None, None) if t == 0 else self._states[t % 2]
        if isinstance(recurrence, FusedRecurrence):
            weights = layer.kernel.value, layer.recurrent_kernel.value, recurrence.bias.value
            after = recurrence.operation.step(x, h, c, *weights, same_weights=t > 0)
            self._states[(t + 1) % 2] = after
            return after[0]
        h, c = recurrence.forward(x[None], h, c)
        own_h, own_c = self._states[0]
        backend.copy_into(own_h, h[0])
        backend.copy_into(own_c, c)
        return own_h
