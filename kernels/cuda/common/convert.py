"""Launches convert.cu: a layer's arrays as the caller has them, float32, and as the convolutions read them.

Where both are the same (in float32 and tf32, and for arrays that a spec calls narrow), nothing is launched and nothing
is allocated.
"""

from kernels.arrays import Array
from kernels.cuda.common.elementwise import THREADS, blocks, quads
from kernels.cuda.common.precision import operand_dtype
from kernels.cuda.launch.launch import Kernel, Program, Runtime


class Inward:
    """An array that comes in: the caller's -> operands."""

    def __init__(self, runtime: Runtime, shape: tuple[int, ...], precision: str, narrow: bool = False) -> None:
        self._kernel: Kernel | None = None
        if operand_dtype(precision) != "float32" and not narrow:
            self._kernel = _kernel(runtime, "narrow", shape)
            self._operands = runtime.empty(shape, operand_dtype(precision))

    def __call__(self, array: Array) -> Array:
        """The array as operands."""
        if self._kernel is not None:
            _convert(self._kernel, array, self._operands)
        return self.known(array)

    def known(self, array: Array) -> Array:
        """Return the operands of the array that was converted last, without converting it again."""
        return array if self._kernel is None else self._operands


class Outward:
    """An array that goes out: operands -> the caller's."""

    def __init__(self, runtime: Runtime, shape: tuple[int, ...], precision: str, narrow: bool = False) -> None:
        self._kernel: Kernel | None = None
        if operand_dtype(precision) != "float32" and not narrow:
            self._kernel = _kernel(runtime, "widen_all", shape)
            self._array = runtime.empty(shape, "float32")

    def __call__(self, operands: Array) -> Array:
        """The operands as the caller wants them."""
        if self._kernel is not None:
            _convert(self._kernel, operands, self._array)
        return self.known(operands)

    def known(self, operands: Array) -> Array:
        """What a call returns, without converting."""
        return operands if self._kernel is None else self._array


def _kernel(runtime: Runtime, name: str, shape: tuple[int, ...]) -> Kernel:
    return Program(runtime, "common/convert.cu", {}).kernel(name, {"source": shape, "target": shape})


def _convert(kernel: Kernel, source: Array, target: Array) -> None:
    n = int(source.size)
    kernel(blocks(n), (THREADS,), source=source, target=target, n=n, quads=quads(n, source, target))
