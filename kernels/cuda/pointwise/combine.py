"""Launches combine.cu: arrays of one shape, element by element."""

from typing import Any

from kernels.arrays import Array
from kernels.cuda.common.elementwise import THREADS, blocks, quads
from kernels.cuda.launch.launch import Runtime
from kernels.cuda.pointwise.pieces import Kernels


class Combine:
    """The kernels of combine.cu, bound to a number of elements when it is first met."""

    def __init__(self, runtime: Runtime) -> None:
        self._kernels = Kernels(runtime, "pointwise/combine.cu", {})

    def add(self, a: Array, b: Array, out: Array) -> None:
        """See Backend.add."""
        self._launch("add", a=a, b=b, out=out)

    def _launch(self, name: str, **arrays: Any) -> None:
        n = next(iter(arrays.values())).size
        kernel = self._kernels(name, dict.fromkeys(arrays, n))
        kernel(blocks(n), (THREADS,), n=n, quads=quads(n, *arrays.values()), **arrays)
