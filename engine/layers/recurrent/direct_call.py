"""A recurrent layer called by itself on NumPy arrays, outside of a network: states in, states out, and their gradients.

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

from engine.layers.eager import backend_of
from engine.layers.recurrent.conv_lstm_arguments import ConvLSTMArguments
from engine.layers.recurrent.conv_lstm_bound import BoundConvLSTM
from engine.layers.symbolic import is_symbolic
from engine.layers.weight import known
from engine.support.validation import finite_movies
from kernels import Backend
from kernels.arrays import HostArray


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
    """Keras' call of a recurrent layer: the layer as a function of NumPy arrays, and its derivative."""

    _direct: "DirectCall | None" = None

    def __call__(self, inputs: Any, initial_state: Any = None, training: bool | None = None, mask: None = None) -> Any:
        """Run the layer on a batch from initial_state [h, c], zero by default: what Keras' layer gives.

        inputs may be [x, h, c] too. Returns the output, or [output, h, c] with return_state. training=True drops out,
        and backward() may follow. Symbolic tensors write down a use of the layer, as for every one (see Layer).
        """
        if isinstance(inputs, list | tuple) and len(inputs) == 3 and initial_state is None:
            inputs, initial_state = inputs[0], list(inputs[1:])
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
        self._layer, self._axes = layer, layer.sequence_axes
        self._random = np.random.default_rng(layer.seed)
        self._key: Any = None

    def forward(
        self, x: HostArray, initial_state: Sequence[HostArray] | None, training: bool
    ) -> tuple[HostArray, HostArray, HostArray]:
        """A batch x -> the output, and the last h and c."""
        x = finite_movies("x", x, len(self._layer.kernel_size) + 3)
        backend = self._backend(x)
        with backend.lock:
            return self._forward(backend, x, initial_state, training)

    def _forward(
        self, backend: Backend, x: HostArray, initial_state: Sequence[HostArray] | None, training: bool
    ) -> tuple[HostArray, HostArray, HostArray]:
        layer, axes = self._layer, self._axes
        shape = known(x.shape[1:])
        self._y_shape, self._state_shape = known(layer.output_shape(shape)), known(layer.state_shape(shape))
        layer.carried.claim(backend)
        movies = axes.into_movies(x)
        key = shape, len(x), training, backend
        if key != self._key:
            frames, batch, *frame = movies.shape
            self._bound = BoundConvLSTM(layer, backend, (frames, *frame), batch, training, fused=False)
            self._key = key
        if training:
            self._bound.draw(self._random)
        self._bound.start = None
        if initial_state is not None:
            if len(initial_state) != 2:
                raise ValueError(f"initial_state: expected [h, c], got {len(initial_state)} arrays")
            h, c = (backend.from_host(self._into_state("initial_state", state)) for state in initial_state)
            self._bound.start = h, c
        y = backend.to_host(self._bound.forward(backend.from_host(movies)))
        h, c = (axes.out_of_state(backend.to_host(state), self._state_shape) for state in self._bound.last)
        return axes.out_of_movies(y, self._y_shape, layer.return_sequences), h, c

    def backward(self, dy: HostArray, dstate: Sequence[HostArray | None], need_dx: bool) -> Gradients:
        """Differentiate that pass."""
        if self._key is None or not self._key[2]:
            raise ValueError("backward: call the layer with training=True first")
        if self._has_moved:
            raise ValueError("backward: another network has used the layer since; call it with training=True again")
        with self._key[3].lock:
            return self._backward(dy, dstate, need_dx)

    def _backward(self, dy: HostArray, dstate: Sequence[HostArray | None], need_dx: bool) -> Gradients:
        (shape, movies, _, backend), layer, axes = self._key, self._layer, self._axes
        dy = np.asarray(dy)
        if dy.shape != (movies, *self._y_shape):
            raise ValueError(f"dy: expected the output's shape {(movies, *self._y_shape)}, got {dy.shape}")
        dh = backend.from_host(axes.into_gradient(dy, layer.return_sequences))
        dh_last, dc_last = (
            None if state is None else backend.from_host(self._into_state("dstate", state)) for state in dstate
        )
        dx, *dstates = self._bound.backward_to_states(dh, dh_last, dc_last, need_dx, need_dstate=True)
        weights = {weight.name: backend.to_host(weight.gradient) for weight in layer.weights}
        states = [axes.out_of_state(backend.to_host(state), self._state_shape) for state in dstates]
        back = None if dx is None else axes.out_of_gradient(backend.to_host(dx), shape)
        return Gradients(back, states, weights)

    def _backend(self, x: HostArray) -> Backend:
        """Where the weights are; a layer of no network is built here. ValueError for other channels than theirs."""
        layer = self._layer
        layer.build(tuple(x.shape[1:]), self._random)
        return backend_of(layer.weights, x.dtype)

    @property
    def _has_moved(self) -> bool:
        """Whether the weights are elsewhere by now."""
        return self._layer.weights[0].backend is not self._key[3]

    def _into_state(self, name: str, state: HostArray) -> HostArray:
        """A batch of states as the recurrence has them, (N,H',W',F)."""
        array, expected = np.asarray(state), (self._key[1], *self._state_shape)
        if array.shape != expected:
            raise ValueError(f"{name}: expected shape {expected}, movies first, got {array.shape}")
        return self._axes.into_state(array)
