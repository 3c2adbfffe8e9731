"""A built network at work: checked batches in; losses, gradients, predictions and rollouts out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np

from engine.graph.graph import LayerStack
from engine.graph.rollout import can_stream, growing_rollout
from engine.layers.weight import known
from engine.optimizers.base import Optimizer
from engine.runtime.batch import DEFAULT_BATCH_SIZE, Batch
from engine.runtime.bound_graph import BatchShape, BoundNetwork, BoundNetworks
from engine.runtime.frame_stream import FrameStream
from engine.runtime.layer_state import LayerState
from engine.runtime.locks import Locks
from engine.runtime.objective import Objective
from engine.runtime.parameters import Parameters
from engine.runtime.rollout import streaming_rollout
from kernels import Backend
from kernels.arrays import Array, ArrayT, HostArray

ITERATIONS = "optimizer/iterations"
"""The name in state_arrays of the optimizer's count of updates, (1,) int64."""


class Computation:
    """Layers on a back end.

    Attributes:
        backend: what computes.
        parameters: the weights, in its memory.
        layer_state: what layers remember besides.
        locks: of all memory that is used here. Every method that uses it takes them itself.
        optimizer: what moves the weights; None before compile.
        trainable: each layer's `trainable` flag when the weights were placed.

    Args:
        seed: of dropout's masks.
        place: as Parameters has it.
        objective, optimizer: what compile was given, if it was called; the optimizer begins anew.
    """

    def __init__(
        self,
        backend: Backend,
        stack: LayerStack,
        seed: int,
        place: str,
        objective: Objective | None = None,
        optimizer: Optimizer | None = None,
    ) -> None:
        layers = stack.layers
        self.backend = backend
        self.layer_state = LayerState(layers, seed)
        self.trainable = [layer.trainable for layer in layers]
        self.parameters = Parameters(backend, stack.weights, place)
        self.locks = Locks(layers, backend)
        self._stack, self._place = stack, place
        self._bound = BoundNetworks(backend, layers)
        self._stream: tuple[tuple[int, ...], FrameStream] | None = None
        self._compile(objective, optimizer)

    @property
    def objective(self) -> Objective:
        """The loss and the metrics that are measured; ValueError before compile."""
        if self._objective is None:
            raise ValueError("the network is not compiled: call compile(loss=..., optimizer=...) first")
        return self._objective

    @property
    def iterations(self) -> int:
        """Updates so far."""
        return 0 if self.optimizer is None else self.optimizer.iterations

    def compiled_again(self, objective: Objective, optimizer: Optimizer) -> "Computation":
        """Return this object, compiled by these, or a new one if any layer's `trainable` changed.

        The new one's weights are partitioned anew into trained and frozen.
        """
        if self.trainable == [layer.trainable for layer in self._stack]:
            self._compile(objective, optimizer)
            return self
        again = Computation(self.backend, self._stack, self.layer_state.seed, self._place, objective, optimizer)
        again.layer_state.step = self.layer_state.step
        return again

    def _compile(self, objective: Objective | None, optimizer: Optimizer | None) -> None:
        self._objective, self.optimizer = objective, optimizer
        if optimizer is not None:
            optimizer.bind(self.backend, self.parameters.layout)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other threads off this memory, and fetch what other networks share with this one."""
        with self.locks:
            self.parameters.claim()
            self.layer_state.claim(self.backend)
            yield

    def train_step(self, batch: Batch, values: Array) -> None:
        """Make one update; values (names,) float64 on the device gets the objective's numbers before it."""
        with self.alone():
            bound = self._gathered(batch, training=True)
            assert self.optimizer is not None
            self._draw_masks(bound)
            self.layer_state.step += 1
            bound.train_step(values, self.optimizer, self.parameters)

    def loss_and_gradients(self, batch: Batch) -> tuple[float, dict[str, HostArray]]:
        """Compute the training-mode loss and gradients of one batch; the network stays as it is.

        Dropout drops what the next train_step will drop.
        """
        with self.alone():
            value = self.backend.zeros((1,), np.float64)
            bound = self._gathered(batch, training=True)
            self._draw_masks(bound)
            bound.differentiate(value)
            return float(self.backend.to_host(value)[0]), self.parameters.by_name(self.parameters.gradients)

    def evaluate(self, batch: Batch, values: Array) -> None:
        """Measure a batch in inference mode; values (names,) float64 on the device gets the objective's numbers."""
        with self.alone():
            self._gathered(batch, training=False).evaluate(values)

    def predict(self, x: HostArray, batch_size: int, count: Callable[[int], None] = lambda movies: None) -> HostArray:
        """x (N,T,H,W,C) -> (N,T,H,W,K), in inference mode; count is told the movies of each batch."""
        output_shape = known(self._stack.output_shape(x.shape[1:]))
        output = np.empty((len(x), *output_shape), self.backend.dtype)
        for start in range(0, len(x), batch_size):
            chunk = _five_axes(x[start : start + batch_size])
            shape = BatchShape(known(x.shape[1:]), len(chunk), training=False, with_loss=False)
            time_major = np.ascontiguousarray(chunk.swapaxes(0, 1), dtype=self.backend.dtype)
            with self.alone():
                bound = self._bound.get(shape, None)
                self.backend.copy_into(bound.x, time_major)
                movies = self.backend.to_host(bound.predict())
            output[start : start + batch_size] = movies.swapaxes(0, 1).reshape(len(chunk), *output_shape)
            count(len(chunk))
        return output

    def rollout(self, track: HostArray, n_frames: int) -> HostArray:
        """track (N,T,H,W,C) -> the n_frames frames that follow, (N,n_frames,H,W,C); see engine/graph/rollout.py."""
        if not can_stream(self._stack.layers):
            return growing_rollout(partial(self.predict, batch_size=DEFAULT_BATCH_SIZE), track, n_frames)
        movies, _, height, width, channels = track.shape
        key = (movies, height, width, channels)
        with self.alone():
            if self._stream is None or self._stream[0] != key:
                self._stream = None  # gives its memory back first
                self._stream = key, FrameStream(self.backend, self._stack.layers, movies, (height, width, channels))
            return streaming_rollout(self.backend, self._stream[1], track, n_frames)

    def state_arrays(self) -> dict[str, HostArray]:
        """Copy everything that training changes to the host, by name."""
        with self.locks:
            state = self.parameters.state_arrays(self._slots) | self.layer_state.arrays()
            if self.optimizer is not None:
                state[ITERATIONS] = np.array([self.optimizer.iterations], np.int64)
            return state

    def load_state_arrays(self, state: dict[str, HostArray]) -> None:
        """Restore what state_arrays returned; nothing is changed unless every name and shape fits."""
        of_layers, rest = self.layer_state.split(state)
        optimizer = self.optimizer
        iterations = rest.pop(ITERATIONS, None) if optimizer is not None else None
        if optimizer is not None and (iterations is None or iterations.shape != (1,) or iterations[0] < 0):
            raise ValueError(f"state: expected the optimizer's count of updates as {ITERATIONS}, got {iterations}")
        with self.alone():
            self.parameters.load_state_arrays(rest, self._slots)
            self.layer_state.load(of_layers)
            if optimizer is not None and iterations is not None:
                optimizer.iterations = int(iterations[0])

    @property
    def _slots(self) -> dict[str, Array]:
        return {} if self.optimizer is None else self.optimizer.state

    def _draw_masks(self, bound: BoundNetwork) -> None:
        if self.layer_state.has_dropout:
            bound.draw_masks(self.layer_state.seed, self.layer_state.step)

    def _gathered(self, batch: Batch, training: bool) -> BoundNetwork:
        """Return the network bound to the batch's shape, with the batch as its input, target and weights."""
        weights = None if batch.weights is None else known(batch.weights.shape[1:])
        shape = BatchShape(known(batch.x.shape[1:]), batch.size, training, with_loss=True, weights=weights)
        bound = self._bound.get(shape, self.objective)
        self.backend.gather_batch(_five_axes(batch.x), batch.rows, bound.x)
        self.backend.gather_batch(_five_axes(batch.y), batch.rows, bound.target)
        if batch.weights is not None:
            self.backend.gather_batch(_five_axes(batch.weights), batch.rows, bound.weights)
        return bound


def _five_axes(movies: ArrayT) -> ArrayT:
    """(N,T,H,W,C) as it is; frames (N,H,W,C) as movies of one frame."""
    return movies if movies.ndim == 5 else movies.reshape((movies.shape[0], 1, *movies.shape[1:]))
