"""A built network at work: batches in, losses, gradients and predictions out. Sequential checks, this computes."""

from typing import Any

import numpy as np

from engine.bound_network import BatchShape, BoundNetwork, BoundNetworks
from engine.layers import Layer
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
    """

    def __init__(self, backend: Backend, layers: list[Layer]) -> None:
        self.backend = backend
        self.parameters = Parameters(backend, [weight for layer in layers for weight in layer.weights])
        self._bound = BoundNetworks(backend, layers)

    def train_step(self, x: Array, y: Array, rows: HostArray, loss: Loss, value: Array, optimizer: Optimizer) -> None:
        """One update; x, y (N,T,H,W,C or K) on the device, rows (B,) the movies to take, value (1,) gets the loss."""
        self._gathered(x, y, rows, loss, training=True).train_step(value, optimizer, self.parameters)

    def loss_and_gradients(self, x: HostArray, y: HostArray, loss: Loss) -> tuple[float, dict[str, HostArray]]:
        """Training-mode loss and gradients of one batch; the network stays as it is."""
        value = self.backend.zeros((1,), np.float64)
        on_device = self.backend.from_host(x), self.backend.from_host(y)
        self._gathered(*on_device, np.arange(len(x)), loss, training=True).differentiate(value)
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

    def predict(self, x: HostArray, batch_size: int, channels_out: int) -> HostArray:
        """x (N,T,H,W,C) -> (N,T,H,W,channels_out), in inference mode."""
        movies, frames, height, width, channels = x.shape
        output = np.empty((movies, frames, height, width, channels_out), self.backend.dtype)
        for start in range(0, movies, batch_size):
            chunk = x[start : start + batch_size]
            shape = BatchShape(frames, len(chunk), height, width, channels, training=False, with_loss=False)
            bound = self._bound.get(shape, None)
            self.backend.copy_into(bound.x, np.ascontiguousarray(chunk.swapaxes(0, 1), dtype=self.backend.dtype))
            output[start : start + batch_size] = self.backend.to_host(bound.predict()).swapaxes(0, 1)
        return output

    def _gathered(self, x: Array, y: Array, rows: HostArray, loss: Loss, training: bool) -> BoundNetwork:
        """The network bound to the shape of movies `rows` of x and y, which are its input and its target."""
        _, frames, height, width, channels = x.shape
        bound = self._bound.get(BatchShape(frames, len(rows), height, width, channels, training, with_loss=True), loss)
        self.backend.gather_batch(x, rows, bound.x)
        self.backend.gather_batch(y, rows, bound.target)
        return bound
