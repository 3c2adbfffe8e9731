"""The engine on CUDA, as one of the participants: `python -m bench.cuda.ours REQUEST`.

Its one form, "graph", lets the engine replay CUDA graphs, as it does unless told not to. As with the peers the data is
on the device before the clock starts, the track of a rollout and its new frames too. The request is that of
bench/peers/device_worker.py.
"""

import gc
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import engine
from bench.cuda.device import Device
from bench.peers.device_worker import CHECKED_STEPS, NotOffered, Request, Task, serve
from bench.peers.ours import network_of
from bench.peers.work import Work
from engine.runtime.batch import Batch
from engine.runtime.bound_graph import BatchShape, BoundGraph
from engine.runtime.frame_stream import FrameStream
from engine.runtime.rollout import roll_on
from kernels.cuda.backend import PRECISIONS


class Ours:
    """See Task."""

    def __init__(self, device: Device, work: Work, precision: str) -> None:
        self._device, self._network = device, network_of(work, "cuda", precision)
        self._x, self._y = work.movies()
        self._work = work
        make: dict[str, Callable[[], tuple[Callable[[], Any], Callable[[], Any]]]] = {
            "train": self._train,
            "forward": self._forward,
            "rollout": self._rollout,
        }
        self.queue, self._output = make[work.kind]()

    def _train(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        backend, rows = self._network.backend, np.arange(self._work.batch)
        x, y, value = backend.from_host(self._x), backend.from_host(self._y), backend.zeros((1,), np.float64)
        batch = Batch((x,), (y,), (None,), rows)
        return lambda: self._network.train_step(batch, value), lambda: backend.to_host(value)[0]

    def _forward(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        backend, batch = self._network.backend, self._work.batch
        shape = BatchShape((self._x.shape[1:],), batch, training=False, with_loss=False)
        bound = BoundGraph(backend, self._network.graph, shape, None)
        backend.gather_batch(backend.from_host(self._x), np.arange(batch), bound.inputs[0])
        return bound.predict, lambda: backend.to_host(bound.predict()[0]).swapaxes(0, 1)

    def _rollout(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        backend, work = self._network.backend, self._work
        stream = FrameStream(backend, self._network.graph, work.batch, self._x.shape[2:])
        seen = backend.from_host(np.ascontiguousarray(self._x.swapaxes(0, 1)))
        predicted = backend.empty((work.n_new, *stream.output_shape))
        roll = partial(roll_on, backend, stream, seen, predicted)
        return roll, lambda: backend.to_host(predicted).swapaxes(0, 1)

    def check(self) -> np.ndarray:
        """See Task."""
        if self._work.kind != "train":
            self.queue()
            return np.asarray(self._output())
        losses = []
        for _ in range(CHECKED_STEPS):
            self.queue()
            losses.append(self._output())
        return np.asarray(losses)

    def wait(self) -> None:
        """See Task."""
        self._device.runtime.synchronize()

    def peak_bytes(self) -> int:
        """See Task: all that CuPy's pool took from the device."""
        return self._device.held_bytes()


def main() -> None:
    """Serve the request."""
    request = Request.from_command_line()
    device = Device(request.rehearse)

    def make(request: Request, work: Work, precision: str) -> Task:
        if precision not in PRECISIONS:
            raise NotOffered(f"the engine has {', '.join(PRECISIONS)}")
        gc.collect()
        device.give_back()
        return Ours(device, work, precision)

    with device.engine():
        serve("ours", {"engine": engine.__version__}, make)


if __name__ == "__main__":
    main()
