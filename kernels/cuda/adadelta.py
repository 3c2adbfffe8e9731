"""Launches adadelta.cu: every parameter of a network in one launch."""

from typing import Any

from kernels.cuda.elementwise import THREADS, blocks, quads
from kernels.cuda.launch import Kernel, Program, Runtime

Array = Any


class Adadelta:
    """The kernel of adadelta.cu, bound to a number of parameters when one is first met."""

    def __init__(self, runtime: Runtime) -> None:
        self._program = Program(runtime, "adadelta.cu", {})
        self._kernels: dict[int, Kernel] = {}

    def update(
        self,
        weights: Array,
        gradients: Array,
        accumulated_gradient: Array,
        accumulated_delta: Array,
        learning_rate: float,
        rho: float,
        epsilon: float,
    ) -> None:
        """See Backend.adadelta_update."""
        n = weights.size
        arrays = {
            "weights": weights,
            "gradients": gradients,
            "accumulated_gradient": accumulated_gradient,
            "accumulated_delta": accumulated_delta,
        }
        if n not in self._kernels:
            self._kernels[n] = self._program.kernel("adadelta", dict.fromkeys(arrays, n))
        rates: dict[str, Any] = {"learning_rate": learning_rate, "rho": rho, "epsilon": epsilon}
        self._kernels[n](blocks(n), (THREADS,), n=n, quads=quads(n, *arrays.values()), **arrays, **rates)
