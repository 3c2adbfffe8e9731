"""Launches lookup.cu: rows of a table by their numbers."""

from functools import partial
from typing import Any

from kernels.arrays import Array
from kernels.cuda.common.rounding import ceil_div
from kernels.cuda.launch.launch import Program, Runtime
from kernels.operations import Lookup
from kernels.specs import LookupSpec

THREADS = 256
READS_BYTES = 4 * THREADS
"""Dynamic shared memory of lookup_backward: for each thread, whether its position reads the row."""


class CudaLookup(Lookup[Array]):
    """One launch forward, two backward."""

    def __init__(self, runtime: Runtime, spec: LookupSpec) -> None:
        program = Program(runtime, "pointwise/lookup.cu", {})
        table, y = (spec.rows, spec.features), (spec.positions, spec.features)
        n, elements = spec.positions * spec.features, spec.rows * spec.features
        self.y = runtime.empty(y, "float32")
        sizes: dict[str, Any] = {"rows": spec.rows, "features": spec.features}
        self._forward = partial(
            program.kernel("lookup", {"numbers": spec.positions, "table": table, "y": y}),
            (ceil_div(n, THREADS),), (THREADS,), n=n, **sizes,
        )  # fmt: skip
        if not spec.training:
            return
        self._clear = partial(
            program.kernel("lookup_clear", {"dtable": table}), (ceil_div(elements, THREADS),), (THREADS,), n=elements
        )
        self._backward = partial(
            program.kernel("lookup_backward", {"numbers": spec.positions, "dy": y, "dtable": table}),
            (spec.positions,), (THREADS,), shared_bytes=READS_BYTES, positions=spec.positions, **sizes,
        )  # fmt: skip

    def forward(self, numbers: Array, table: Array) -> Array:
        self._forward(numbers=numbers, table=table, y=self.y)
        return self.y

    def backward(self, dy: Array, numbers: Array, dtable: Array) -> None:
        self._clear(dtable=dtable)
        self._backward(numbers=numbers, dy=dy, dtable=dtable)
