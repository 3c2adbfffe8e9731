"""A ConvLSTM2D called by itself on NumPy arrays, outside of a network: states in, states out, and their gradients.

An encoder's states become a decoder's initial ones by hand, and the gradients go back the same way:

    _, h, c = encoder(x, training=True)                 # return_state=True
    y = decoder(z, initial_state=[h, c], training=True)
    back = decoder.backward(dy)
    encoder.backward(np.zeros_like(_), dstate=back.dstate)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.layers.recurrent.conv_lstm_arguments import ConvLSTMArguments
from engine.layers.recurrent.conv_lstm_bound import bound_in_axes
from engine.layers.recurrent.conv_lstm_recurrence import ComposedRecurrence
from engine.layers.symbolic import is_symbolic
from engine.support.validation import finite_movies
from kernels import Backend
from kernels.arrays import Array, HostArray
from kernels.select import choose_device, open_backend


@dataclass(frozen=True)
class Gradients:
    """What a backward pass gives.

    Attributes:
        dx: of the input, like it; None unless asked for.
        dstate: of the initial h and c.
        weights: by name, of every weight that has one, in Keras' order.
    """

    dx: HostArray | None
    dstate: list[HostArray]
    weights: dict[str, HostArray]


class CalledDirectly(ConvLSTMArguments):
    """Keras' call of a ConvLSTM2D: the layer as a function of NumPy arrays, and its derivative."""

    _direct: "DirectCall | None" = None

    def __call__(self, inputs: Any, initial_state: Any = None, training: bool | None = None, mask: None = None) -> Any:
        """Run the layer on movies (N,T,H,W,C) from initial_state [h, c], zero by default: what Keras' layer gives.

        Returns the output, or [output, h, c] with return_state. training=True drops out, and backward() may follow.
        Symbolic tensors write down a use of the layer, as for every one (see Layer).
        """
        if is_symbolic(inputs) or mask is not None:
            return super().__call__(inputs, initial_state, training, mask)
        with self.lock:
            self._direct = self._direct or DirectCall(self)
            output, h, c = self._direct.forward(inputs, initial_state, bool(training))
        return [output, h, c] if self.return_state else output

    def backward(
        self, dy: HostArray, dstate: Sequence[HostArray | None] = (None, None), need_dx: bool = True
    ) -> Gradients:
        """Differentiate the last call, which had training=True.

        dy is the gradient of the output, dstate those of h and c that return_state gave (None: zero).
        """
        with self.lock:
            if self._direct is None:
                raise ValueError("backward: call the layer with training=True first")
            return self._direct.backward(dy, dstate, need_dx)


class DirectCall:
    """Forward and backward passes of one layer, on the back end of its network or, without one, on a CPU."""

    def __init__(self, layer: ConvLSTMArguments) -> None:
        self._layer = layer
        self._random = np.random.default_rng(layer.seed)
        self._key: Any = None

    def forward(
        self, x: HostArray, initial_state: Sequence[HostArray] | None, training: bool
    ) -> tuple[HostArray, HostArray, HostArray]:
        """x (N,T,H,W,C) -> the output, and the last h and c."""
        x = finite_movies("x", x)
        backend = self._backend(x)
        with backend.lock:
            return self._forward(backend, x, initial_state, training)

    def _forward(
        self, backend: Backend, x: HostArray, initial_state: Sequence[HostArray] | None, training: bool
    ) -> tuple[HostArray, HostArray, HostArray]:
        shape = tuple(int(size) for size in x.shape[1:])
        self._layer.output_shape(shape)
        self._layer.carried.claim(backend)
        key = shape, len(x), training, backend
        if key != self._key:
            self._bound, self._inner = bound_in_axes(self._layer, backend, shape, len(x), training, fused=False)
            self._key = key
        if training:
            self._bound.draw(self._random)
        self._inner.start = None if initial_state is None else self._states("initial_state", initial_state)
        y = backend.to_host(self._bound.forward(backend.from_host(x.swapaxes(0, 1))))
        h, c = (self._from_last(backend.to_host(state)) for state in self._inner.last)
        return (y.swapaxes(0, 1) if self._layer.return_sequences else y[0]), h, c

    def backward(self, dy: HostArray, dstate: Sequence[HostArray | None], need_dx: bool) -> Gradients:
        """Differentiate that pass."""
        if self._key is None or not self._key[2]:
            raise ValueError("backward: call the layer with training=True first")
        if self._has_moved:
            raise ValueError("backward: another network has used the layer since; call it with training=True again")
        with self._key[3].lock:
            return self._backward(dy, dstate, need_dx)

    def _backward(self, dy: HostArray, dstate: Sequence[HostArray | None], need_dx: bool) -> Gradients:
        backend, layer, inner = self._key[3], self._layer, self._inner
        dy = np.asarray(dy)
        dy = dy.swapaxes(0, 1) if layer.return_sequences else dy[np.newaxis]
        if layer.data_format == "channels_first":
            dy = np.moveaxis(dy, 2, 4)
        if dy.shape != inner.y_shape:
            raise ValueError(f"dy: expected the output's shape, got {dy.shape} (time-major, channels last)")
        dh = backend.to_host(inner.dh_of_all(backend.from_host(dy)))
        given = [None if state is None else self._to_last("dstate", state) for state in dstate]
        if given[0] is not None:
            dh[-1] += given[0]
        dc = None if given[1] is None else backend.from_host(given[1])
        assert isinstance(inner.recurrence, ComposedRecurrence)
        dx, dh0, dc0 = inner.recurrence.backward_to_states(backend.from_host(dh), dc, need_dx)
        weights = {weight.name: backend.to_host(weight.gradient) for weight in layer.weights}
        states = [self._from_last(backend.to_host(state)) for state in (dh0, dc0)]
        if dx is None:
            return Gradients(None, states, weights)
        host = backend.to_host(inner.in_time(dx)).swapaxes(0, 1)
        return Gradients(np.moveaxis(host, 4, 2) if self._first else host, states, weights)

    def _backend(self, x: HostArray) -> Backend:
        """Where the weights are; a layer of no network is built here. ValueError for other channels than theirs."""
        layer = self._layer
        layer.build(tuple(x.shape[1:]), self._random)
        backend = layer.weights[0].backend
        if backend is None:
            backend = open_backend(choose_device("cpu")[0], np.float64 if x.dtype == np.float64 else np.float32)
            for weight in layer.weights:
                weight.place_alone(backend)
        return backend

    @property
    def _has_moved(self) -> bool:
        """Whether the weights are elsewhere by now."""
        return self._layer.weights[0].backend is not self._key[3]

    @property
    def _first(self) -> bool:
        return self._layer.data_format == "channels_first"

    def _states(self, name: str, states: Sequence[HostArray]) -> tuple[Array, Array]:
        if len(states) != 2:
            raise ValueError(f"{name}: expected [h, c], got {len(states)} arrays")
        h, c = (self._key[3].from_host(self._to_last(name, state)) for state in states)
        return h, c

    def _to_last(self, name: str, state: HostArray) -> HostArray:
        array = np.asarray(state)
        array = np.moveaxis(array, 1, 3) if self._first and array.ndim == 4 else array
        if array.shape != self._inner.recurrence.state_shape:
            expected = self._inner.recurrence.state_shape
            raise ValueError(f"{name}: expected (movies, rows, columns, filters) = {expected}, got {array.shape}")
        return array

    def _from_last(self, state: HostArray) -> HostArray:
        return np.moveaxis(state, 3, 1) if self._first else state
