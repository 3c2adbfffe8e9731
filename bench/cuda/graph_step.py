"""A training step and a forward pass of the engine recorded as CUDA graphs, for the benchmark and its tests."""

from typing import Any

import numpy as np

from engine import Sequential
from engine.bound_network import BatchShape, BoundNetwork
from kernels.cuda import CudaBackend

Array = np.ndarray[Any, Any]


class GraphStep:
    """One update on one batch; recorded once, replayed at every call.

    network is built and compiled, on CUDA; x (B,T,H,W,C) and y (B,T,H,W,K) are on the host and stay the batch. The
    first step runs as plain launches, so that all is compiled and allocated when the second is recorded.
    """

    def __init__(self, network: Sequential, x: Array, y: Array) -> None:
        self._backend = _cuda(network)
        self.value = self._backend.zeros((1,), np.float64)
        batch, frames, height, width, channels = x.shape
        shape = BatchShape(frames, batch, height, width, channels, training=True, with_loss=True)
        bound = BoundNetwork(self._backend, network.layers, shape, network.loss)
        for target, movies in ((bound.x, x), (bound.target, y)):
            self._backend.gather_batch(self._backend.from_host(movies), np.arange(batch), target)
        parameters, optimizer = network._built().parameters, network.optimizer
        assert optimizer is not None

        def step() -> None:
            bound.forward_with_loss(self.value)
            bound.backward()
            optimizer.update(self._backend, parameters.values, parameters.gradients)

        self._step = step
        self._graph: Any = None
        self._warm = False

    def __call__(self) -> None:
        """Queue one update; `value` then gets its loss."""
        if not self._warm:
            self._step()
            self._warm = True
            return
        if self._graph is None:
            self._backend.synchronize()
            self._graph = self._backend.runtime.capture(self._step)
        self._graph.replay()

    def loss(self) -> float:
        """Of the last update, before it; waits for the device."""
        return float(self._backend.to_host(self.value)[0])


class GraphForward:
    """Inference on one batch x (B,T,H,W,C), recorded once, replayed at every call.

    `output` (T,B,H,W,K) is on the device. record False makes plain launches at every call.
    """

    def __init__(self, network: Sequential, x: Array, record: bool = True) -> None:
        self._backend = _cuda(network)
        batch, frames, height, width, channels = x.shape
        shape = BatchShape(frames, batch, height, width, channels, training=False, with_loss=False)
        self._bound = BoundNetwork(self._backend, network.layers, shape, None)
        self._backend.gather_batch(self._backend.from_host(x), np.arange(batch), self._bound.x)
        self.output = self._bound.forward()
        self._graph: Any = None
        if record:
            self._backend.synchronize()
            self._graph = self._backend.runtime.capture(self._bound.forward)

    def __call__(self) -> None:
        """Queue one forward pass."""
        if self._graph is None:
            self._bound.forward()
        else:
            self._graph.replay()

    def result(self) -> Array:
        """The output as (B,T,H,W,K) on the host; waits for the device."""
        return np.ascontiguousarray(self._backend.to_host(self.output).swapaxes(0, 1))


def _cuda(network: Sequential) -> CudaBackend:
    backend = network.backend
    if not isinstance(backend, CudaBackend):
        raise ValueError(f"network: expected one on a CUDA device, got one on {backend.name}")
    return backend
