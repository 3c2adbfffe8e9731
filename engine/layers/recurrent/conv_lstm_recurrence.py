"""The ConvLSTM recurrence in two ways: the back ends' one operation, and a loop over frames of general operations.

The loop is slower, and serves what the operation does not: strides, 'valid', dilation, even kernels, any activation,
dropout. It is also the mathematics once more, in other words (docs/backward.md):

    (1)  zx       = conv(x, kernel) + bias                         all frames at once; strides, padding, dilation
    (2)  z_t      = zx_t + conv(h_{t-1}, recurrent_kernel)         stride 1, 'same'
    (3)  h_t, c_t = cell(z_t, c_{t-1})                             LSTMCell

    with dropout, x and h are replaced by four masked copies each, one for each gate, and the convolutions have four
    groups: gate g of z sees copy g alone

Backward runs (3) and (2) from the last frame to the first for dz_t, dh_{t-1} and dc_{t-1}; then all dz_t at once give
the gradients of the weights and of x.
"""

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any

import numpy as np

from engine.layers.layer import WIDE, Narrow
from engine.layers.recurrent.conv_lstm_arguments import ConvLSTMArguments
from engine.layers.weight import stand_in
from kernels import Backend, Conv3DSpec, ConvLSTMSpec
from kernels.arrays import Array


class Recurrence(ABC):
    """The weights of a ConvLSTM2D at work on channels-last movies (T,B,H,W,C) of one shape.

    Attributes:
        state_shape: of h and c, (B,H',W',F).
    """

    state_shape: tuple[int, int, int, int]

    @abstractmethod
    def forward(self, x: Array, h0: Array | None, c0: Array | None) -> tuple[Array, Array]:
        """x -> h of every frame (T,B,H',W',F), and the last c; None is a state of zeros."""

    @abstractmethod
    def backward(
        self, dh: Array, dc_last: Array | None, need_dx: bool, need_dstate: bool
    ) -> tuple[Array | None, Array | None, Array | None]:
        """Backpropagate dh (T,B,H',W',F), and the gradient that reaches the last c (B,H',W',F); None: zero.

        Writes the gradients of the weights; returns dx (T,B,H,W,C), dh0 and dc0, None where they are not needed.
        """

    def draw(self, random: np.random.Generator) -> None:
        """Draw new masks."""


class FusedRecurrence(Recurrence):
    """The back end's ConvLSTM."""

    def __init__(
        self,
        layer: ConvLSTMArguments,
        backend: Backend,
        movie: tuple[int, ...],
        batch: int,
        training: bool,
        narrow: Narrow = WIDE,
    ) -> None:
        (frames, height, width, channels), (kh, kw) = movie, layer.of_rows_and_columns(layer.kernel_size)
        self.spec = ConvLSTMSpec(
            T=frames, B=batch, H=height, W=width, C=channels, F=layer.filters, kh=kh, kw=kw,
            recurrent_activation=layer.recurrent_activation, training=training,
            narrow_x=narrow.x, narrow_y=narrow.y,
        )  # fmt: skip
        self.state_shape = (batch, height, width, layer.filters)
        self.operation = backend.conv_lstm(self.spec)
        self.bias = layer.bias or stand_in(backend, 4 * layer.filters, 0.0)
        self._layer, self._backend = layer, backend

    def forward(self, x: Array, h0: Array | None, c0: Array | None) -> tuple[Array, Array]:
        layer = self._layer
        self._x, self._h0, self._c0 = x, h0, c0
        weights = layer.taps(layer.kernel.value), layer.taps(layer.recurrent_kernel.value), self.bias.value
        return self.operation.forward(x, *weights, h0, c0)

    def backward(
        self, dh: Array, dc_last: Array | None, need_dx: bool, need_dstate: bool
    ) -> tuple[Array | None, Array | None, Array | None]:
        layer, taps = self._layer, self._layer.taps
        return self.operation.backward(
            dh,
            self._x,
            taps(layer.kernel.value),
            taps(layer.recurrent_kernel.value),
            taps(layer.kernel.gradient),
            taps(layer.recurrent_kernel.gradient),
            self.bias.gradient,
            self._h0,
            self._c0,
            need_dx=need_dx,
            need_dstate=need_dstate,
            dc_last=dc_last,
        )

    def step(self, x: Array, h: Array | None, c: Array | None, same_weights: bool) -> tuple[Array, Array]:
        """One frame of a stream, as the operation has it."""
        layer = self._layer
        weights = layer.taps(layer.kernel.value), layer.taps(layer.recurrent_kernel.value), self.bias.value
        return self.operation.step(x, h, c, *weights, same_weights=same_weights)


class ComposedRecurrence(Recurrence):
    """(1) to (3), frame by frame."""

    def __init__(
        self, layer: ConvLSTMArguments, backend: Backend, movie: tuple[int, ...], batch: int, training: bool
    ) -> None:
        (T, H, W, C), F, pair = movie, layer.filters, layer.of_rows_and_columns
        (kh, kw), (sh, sw), (dh, dw) = pair(layer.kernel_size), pair(layer.strides), pair(layer.dilation_rate)
        inputs = 4 if training and layer.drops_inputs else 1
        states = 4 if training and layer.drops_states else 1
        over_x = Conv3DSpec(
            T=T, B=batch, H=H, W=W, C=inputs * C, K=4 * F, kt=1, kh=kh, kw=kw, padding=layer.padding, training=training,
            strides=(1, sh, sw), dilation=(1, dh, dw), groups=inputs,
        )  # fmt: skip
        _, height, width = over_x.output_size
        over_h = Conv3DSpec(
            T=1, B=batch, H=height, W=width, C=states * F, K=4 * F, kt=1, kh=kh, kw=kw, training=training, groups=states
        )
        self._layer, self._backend, self._T = layer, backend, T
        self.state_shape = (batch, height, width, F)
        self._bias = layer.bias or stand_in(backend, 4 * F, 0.0)
        self._no_bias = stand_in(backend, 4 * F, 0.0)
        self._over_x, self._over_h = backend.conv3d(over_x), backend.conv3d(over_h)
        self._cell = backend.lstm_cell(layer.activation, layer.recurrent_activation)
        kept = T if training else 1
        self._h, self._c = (backend.zeros((T + 1, *self.state_shape)) for _ in range(2))  # from the state before on
        self._gates = backend.empty((kept, batch, height, width, 4 * F))
        self._zero = backend.zeros(self.state_shape)
        self._x_masks = self._h_masks = None
        if inputs > 1:
            self._x_masks = backend.zeros((4, batch, H, W, C))
            self._mask_x = backend.masked_copies(self._x_masks)
            self._x_copies, self._dx = backend.empty(over_x.x_shape), backend.empty((T, batch, H, W, C))
        if states > 1:
            self._h_masks = backend.zeros((4, *self.state_shape))
            self._mask_h = backend.masked_copies(self._h_masks)
            self._h_copies = backend.empty((T, batch, height, width, 4 * F))
            self._dh_prev = backend.empty((1, *self.state_shape))
        if training:
            self._over_all_h = backend.conv3d(replace(over_h, T=T))
            self._dz, self._dc = backend.empty(self._gates.shape), backend.empty(self.state_shape)

    def draw(self, random: np.random.Generator) -> None:
        x_shape = None if self._x_masks is None else self._x_masks.shape
        h_shape = None if self._h_masks is None else self._h_masks.shape
        drawn = self._layer.draw_masks(random, x_shape, h_shape)
        for masks, values in zip((self._x_masks, self._h_masks), drawn, strict=True):
            if masks is not None:
                self._backend.copy_into(masks, np.ascontiguousarray(values, dtype=self._backend.dtype))

    def forward(self, x: Array, h0: Array | None, c0: Array | None) -> tuple[Array, Array]:
        layer, backend, h, c = self._layer, self._backend, self._h, self._c
        backend.copy_into(h[0], self._zero if h0 is None else h0)
        backend.copy_into(c[0], self._zero if c0 is None else c0)
        self._x = x
        if self._x_masks is not None:
            self._mask_x.forward(x, self._x_copies)
            self._x = self._x_copies
        recurrent_kernel = layer.taps(layer.recurrent_kernel.value)
        zx = self._over_x.forward(self._x, layer.taps(layer.kernel.value)[None], self._bias.value)  # (1)
        for t in range(self._T):
            seen = self._seen(t)
            zh = self._over_h.forward(seen, recurrent_kernel[None], self._no_bias.value)  # (2)
            gates = self._gates[t % len(self._gates)]
            self._cell.forward(zx[t], zh[0], c[t], gates, c[t + 1], h[t + 1])  # (3)
        return h[1:], c[self._T]

    def backward(
        self, dh: Array, dc_last: Array | None, need_dx: bool, need_dstate: bool
    ) -> tuple[Array | None, Array | None, Array | None]:
        layer, backend, dz, dc = self._layer, self._backend, self._dz, self._dc
        kernel, recurrent_kernel = layer.taps(layer.kernel.value)[None], layer.taps(layer.recurrent_kernel.value)[None]
        dkernel = layer.taps(layer.kernel.gradient)[None]
        drecurrent_kernel = layer.taps(layer.recurrent_kernel.gradient)[None]
        backend.copy_into(dc, self._zero if dc_last is None else dc_last)
        dh_next = self._zero
        for t in reversed(range(self._T)):
            self._cell.backward(dh[t], dh_next, dc, self._gates[t], self._c[t + 1], self._c[t], dz[t])  # (3)
            if t == 0 and not need_dstate:
                break
            dseen: Any = self._over_h.backward(dz[t : t + 1], self._h[t : t + 1], recurrent_kernel, None, None)  # (2)
            if self._h_masks is not None:
                self._mask_h.backward(dseen, self._dh_prev)
                dseen = self._dh_prev
            dh_next = dseen[0]
        seen = self._h[: self._T] if self._h_masks is None else self._h_copies
        self._over_all_h.backward(dz, seen, recurrent_kernel, drecurrent_kernel, self._no_bias.gradient, False)  # (2)
        dx = self._over_x.backward(dz, self._x, kernel, dkernel, self._bias.gradient, need_dx)  # (1)
        if need_dx and self._x_masks is not None:
            self._mask_x.backward(dx, self._dx)
            dx = self._dx
        return dx, *((dh_next, dc) if need_dstate else (None, None))

    def _seen(self, t: int) -> Array:
        """What the recurrent convolution of frame t sees, (1,B,H',W',C)."""
        h = self._h[t : t + 1]
        if self._h_masks is None:
            return h
        copies = self._h_copies[t : t + 1]
        self._mask_h.forward(h, copies)
        return copies


def recurrence_of(
    layer: ConvLSTMArguments,
    backend: Backend,
    movie: tuple[int, ...],
    batch: int,
    training: bool,
    fused: bool,
    narrow: Narrow,
) -> Recurrence:
    """The one or the other; narrow arrays are the back ends' operation's alone."""
    if fused:
        return FusedRecurrence(layer, backend, movie, batch, training, narrow)
    return ComposedRecurrence(layer, backend, movie, batch, training)
