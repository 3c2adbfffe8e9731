"""A built network at work: batches in, losses, gradients and predictions out. Sequential checks, this computes."""

from typing import Any

import numpy as np

from engine.bound_network import BatchShape, BoundNetwork, BoundNetworks
from engine.layer_state import LayerState
from engine.layers import Layer
from engine.layers.weight import known
from engine.losses import Loss
from engine.optimizers import Optimizer
from engine.parameters import Parameters
from kernels import Backend

Array = Any
HostArray = np.ndarray[Any, Any]


class Computation:
    """Layers on a back end.

    Attributes:
        backend: what computes.
        parameters: the weights, in its memory.
        layer_state: what layers remember besides.
        trainable: of each layer, as it was when the weights were placed.

    Args:
        seed: of dropout's masks.
    """

    def __init__(self, backend: Backend, layers: list[Layer], seed: int) -> None:
        self.backend = backend
        self.layer_state = LayerState(layers, seed)
        self.trainable = [layer.trainable for layer in layers]
        self.parameters = Parameters(backend, [weight for layer in layers for weight in layer.weights])
        self._bound = BoundNetworks(backend, layers)

    def train_step(self, x: Array, y: Array, rows: HostArray, loss: Loss, value: Array, optimizer: Optimizer) -> None:
        """One update; x, y (N,T,H,W,C or K) on the device, rows (B,) the movies to take, value (1,) gets the loss."""
        bound = self._gathered(x, y, rows, loss, training=True)
        self._draw_masks(bound)
        self.layer_state.step += 1
        bound.train_step(value, optimizer, self.parameters)

    def loss_and_gradients(self, x: HostArray, y: HostArray, loss: Loss) -> tuple[float, dict[str, HostArray]]:
        """Training-mode loss and gradients of one batch; the network stays as it is.

        Dropout drops what the next train_step will drop.
        """
        value = self.backend.zeros((1,), np.float64)
        on_device = self.backend.from_host(x), self.backend.from_host(y)
        bound = self._gathered(*on_device, np.arange(len(x)), loss, training=True)
        self._draw_masks(bound)
        bound.differentiate(value)
        return float(self.backend.to_host(value)[0]), self.parameters.by_name(self.parameters.gradients)

    def evaluate(self, x: Array, y: Array, batch_size: int, loss: Loss) -> float:
        """Mean loss in inference mode; x, y (N,T,H,W,C or K) on the device."""
        movies = x.shape[0]
        starts = np.arange(0, movies, batch_size)
        values = self.backend.zeros((len(starts),), np.float64)
        for n, start in enumerate(starts):
            rows = np.arange(start, min(start + batch_size, movies))
            self._gathered(x, y, rows, loss, training=False).evaluate(values[n : n + 1])
        sizes = np.minimum(batch_size, movies - starts)
        return float(self.backend.to_host(values) @ sizes / movies)

    def predict(self, x: HostArray, batch_size: int, output_shape: tuple[int, ...]) -> HostArray:
        """x (N,T,H,W,C) -> (N,*output_shape), in inference mode."""
        output = np.empty((len(x), *output_shape), self.backend.dtype)
        for start in range(0, len(x), batch_size):
            chunk = _five_axes(x[start : start + batch_size])
            shape = BatchShape(known(x.shape[1:]), len(chunk), training=False, with_loss=False)
            bound = self._bound.get(shape, None)
            self.backend.copy_into(bound.x, np.ascontiguousarray(chunk.swapaxes(0, 1), dtype=self.backend.dtype))
            movies = self.backend.to_host(bound.predict()).swapaxes(0, 1)
            output[start : start + batch_size] = movies.reshape(len(chunk), *output_shape)
        return output

    def _draw_masks(self, bound: BoundNetwork) -> None:
        if self.layer_state.has_dropout:
            bound.draw_masks(self.layer_state.seed, self.layer_state.step)

    def _gathered(self, x: Array, y: Array, rows: HostArray, loss: Loss, training: bool) -> BoundNetwork:
        """The network bound to the shape of movies `rows` of x and y, which are its input and its target."""
        bound = self._bound.get(BatchShape(known(x.shape[1:]), len(rows), training, with_loss=True), loss)
        self.backend.gather_batch(_five_axes(x), rows, bound.x)
        self.backend.gather_batch(_five_axes(y), rows, bound.target)
        return bound


def _five_axes(movies: Array) -> Array:
    """(N,T,H,W,C) as it is; frames (N,H,W,C) as movies of one frame."""
    return movies if movies.ndim == 5 else movies.reshape(movies.shape[0], 1, *movies.shape[1:])
