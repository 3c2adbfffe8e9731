"""A built network at work: checked batches in; losses, gradients, predictions and rollouts out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from engine.graph.checks import Arrays
from engine.graph.graph import Graph
from engine.graph.rollout import can_stream, growing_rollout
from engine.layers.eager import from_time_major, to_time_major
from engine.layers.weight import known
from engine.optimizers.base import Optimizer
from engine.runtime.batch import DEFAULT_BATCH_SIZE, Batch
from engine.runtime.bound_graph import BatchShape, BoundGraph, BoundGraphs
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
        graph: Graph,
        seed: int,
        place: str,
        objective: Objective | None = None,
        optimizer: Optimizer | None = None,
    ) -> None:
        layers = graph.leaves
        self.backend = backend
        self.layer_state = LayerState(graph.paths, seed)
        self.trainable = [layer.trainable for layer in layers]
        self.parameters = Parameters(backend, graph.named_weights, place)
        self.locks = Locks(layers, backend)
        self._graph, self._place = graph, place
        self._bound = BoundGraphs(backend, graph)
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
        if self.trainable == [layer.trainable for layer in self._graph]:
            self._compile(objective, optimizer)
            return self
        again = Computation(self.backend, self._graph, self.layer_state.seed, self._place, objective, optimizer)
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
            values = self.backend.zeros((self.objective.width,), np.float64)
            bound = self._gathered(batch, training=True)
            self._draw_masks(bound)
            bound.differentiate(values)
            loss = self.objective.totals(self.backend.to_host(values)[np.newaxis])[0, 0]
            return float(loss), self.parameters.by_name(self.parameters.gradients)

    def evaluate(self, batch: Batch, values: Array) -> None:
        """Measure a batch in inference mode; values (names,) float64 on the device gets the objective's numbers."""
        with self.alone():
            self._gathered(batch, training=False).evaluate(values)

    def predict(self, inputs: Arrays, batch_size: int, count: Callable[[int], None] = lambda movies: None) -> Arrays:
        """Arrays (N, ...) for the inputs -> for the outputs, in inference mode; count is told each batch's movies."""
        movies = len(inputs[0])
        shapes = [known(shape) for shape in self._graph.output_shapes([x.shape[1:] for x in inputs])]
        outputs = [np.empty((movies, *shape), self.backend.dtype) for shape in shapes]
        for start in range(0, movies, batch_size):
            chunks = [x[start : start + batch_size].astype(self.backend.dtype, copy=False) for x in inputs]
            shape = BatchShape(tuple(known(x.shape[1:]) for x in inputs), len(chunks[0]), False, with_loss=False)
            with self.alone():
                bound = self._bound.get(shape, None)
                for array, chunk in zip(bound.inputs, chunks, strict=True):
                    self.backend.copy_into(array, to_time_major(chunk))
                made = [self.backend.to_host(output) for output in bound.predict()]
            for output, host, of_output in zip(outputs, made, shapes, strict=True):
                output[start : start + batch_size] = from_time_major(host, of_output)
            count(len(chunks[0]))
        return outputs

    def rollout(self, track: HostArray, n_frames: int) -> HostArray:
        """track (N,T,H,W,C) -> the n_frames frames that follow, (N,n_frames,H,W,C); see engine/graph/rollout.py."""
        if not can_stream(self._graph):
            return growing_rollout(lambda movies: self.predict([movies], DEFAULT_BATCH_SIZE)[0], track, n_frames)
        movies, _, height, width, channels = track.shape
        key = (movies, height, width, channels)
        with self.alone():
            if self._stream is None or self._stream[0] != key:
                self._stream = None  # gives its memory back first
                self._stream = key, FrameStream(self.backend, self._graph, movies, (height, width, channels))
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

    def _draw_masks(self, bound: BoundGraph) -> None:
        if self.layer_state.has_dropout:
            bound.draw_masks(self.layer_state.seed, self.layer_state.step)

    def _gathered(self, batch: Batch, training: bool) -> BoundGraph:
        """Return the graph bound to the batch's shape, with the batch as its inputs, targets and weights."""
        shape = BatchShape(
            tuple(known(x.shape[1:]) for x in batch.x), batch.size, training, with_loss=True,
            weights=tuple(None if weights is None else known(weights.shape[1:]) for weights in batch.weights),
        )  # fmt: skip
        bound = self._bound.get(shape, self.objective)
        sources = (*batch.x, *batch.y, *batch.weights)
        arrays = (*bound.inputs, *bound.targets, *bound.weights)
        for source, array in zip(sources, arrays, strict=True):
            if source is not None:
                self.backend.gather_batch(_five_axes(source), batch.rows, array)
        return bound


def _five_axes(movies: ArrayT) -> ArrayT:
    """(N,T,H,W,C) as it is; arrays of fewer axes with ones behind N."""
    missing = 5 - movies.ndim
    return movies.reshape((movies.shape[0], *(1,) * missing, *movies.shape[1:])) if missing else movies
