"""The engine on CUDA, as one of the participants: `python -m bench.cuda.ours REQUEST`.

Forms: "launches" calls the engine as a program does; "graph" replays a CUDA graph of the same work.
The request is that of bench/peers/device_worker.py.
"""

import gc
from collections.abc import Callable
from typing import Any

import numpy as np

import engine
from bench.cuda.device import Device
from bench.cuda.graph_step import GraphForward, GraphStep
from bench.peers.device_worker import CHECKED_STEPS, NotOffered, Request, Task, serve
from bench.peers.ours import network_of
from bench.peers.work import Work
from kernels.cuda.backend import PRECISIONS


class Ours:
    """See Task."""

    def __init__(self, device: Device, work: Work, precision: str, form: str) -> None:
        self._device, self._network = device, network_of(work, "cuda", precision)
        self._x, self._y = work.movies()
        self._work = work
        make: dict[str, Callable[[bool], tuple[Callable[[], Any], Callable[[], Any]]]] = {
            "train": self._train,
            "forward": self._forward,
            "rollout": self._rollout,
        }
        self.queue, self._output = make[work.kind](form == "graph")

    def _train(self, graph: bool) -> tuple[Callable[[], Any], Callable[[], Any]]:
        if graph:
            step = GraphStep(self._network, self._x, self._y)
            return step, step.loss
        backend, rows = self._network.backend, np.arange(self._work.batch)
        x, y, value = backend.from_host(self._x), backend.from_host(self._y), backend.zeros((1,), np.float64)
        return lambda: self._network.train_step(x, y, rows, value), lambda: backend.to_host(value)[0]

    def _forward(self, graph: bool) -> tuple[Callable[[], Any], Callable[[], Any]]:
        forward = GraphForward(self._network, self._x, record=graph)
        return forward, forward.result

    def _rollout(self, graph: bool) -> tuple[Callable[[], Any], Callable[[], Any]]:
        if graph:
            raise NotOffered("the rollout has no graph form")
        return lambda: self._network.rollout(self._x, self._work.n_new), lambda: self._network.rollout(
            self._x, self._work.n_new
        )

    def check(self) -> np.ndarray:
        """See Task."""
        if self._work.kind != "train":
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
        return Ours(device, work, precision, request.form)

    with device.engine():
        serve("ours", {"engine": engine.__version__}, make)


if __name__ == "__main__":
    main()
