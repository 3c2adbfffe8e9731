"""Launches resampling.cu."""

import math
from functools import partial
from typing import Any

from kernels.arrays import Array
from kernels.cuda.launch.launch import Program, Runtime
from kernels.cuda.pooling.windows import THREADS, sharing, span_tables
from kernels.operations import Resampling
from kernels.specs import AxisWeights, ResamplingSpec


class _Direction:
    """One of the two ways, with its tables and its result."""

    def __init__(self, runtime: Runtime, axes: tuple[AxisWeights, ...], batch: int, channels: int) -> None:
        shared = sharing(math.prod(axis.taps for axis in axes))
        program = Program(runtime, "pooling/resampling.cu", {"ROWS": shared.rows})
        frames, rows, columns = axes
        self.result = runtime.empty((frames.outputs, batch, rows.outputs, columns.outputs, channels), "float32")
        tables: dict[str, Any] = dict(
            zip(("frames", "rows", "columns"), span_tables(runtime, [a.spans for a in axes]), strict=True)
        )
        for name, axis in zip(("frame_weights", "row_weights", "column_weights"), axes, strict=True):
            tables[name] = runtime.from_host(axis.table, "float32")
        inputs = (frames.inputs, batch, rows.inputs, columns.inputs, channels)
        sizes: dict[str, Any] = {name: table.size for name, table in tables.items()}
        scalars: dict[str, Any] = {
            "taps_t": frames.taps, "taps_h": rows.taps, "taps_w": columns.taps, "batch": batch,
            "height": rows.inputs, "width": columns.inputs, "height_out": rows.outputs, "width_out": columns.outputs,
            "channels": channels,
        }  # fmt: skip
        self._launch = partial(
            program.kernel("resample", {"x": inputs, "y": self.result.size, **sizes}),
            shared.grid(self.result.size), (THREADS,), shared_bytes=shared.shared_bytes(1), n=self.result.size,
            **tables, **scalars,
        )  # fmt: skip

    def __call__(self, x: Array) -> Array:
        self._launch(x=x, y=self.result)
        return self.result


class CudaResampling(Resampling[Array]):
    """One launch each way."""

    def __init__(self, runtime: Runtime, spec: ResamplingSpec) -> None:
        self._forward = _Direction(runtime, spec.axes, spec.B, spec.C)
        if spec.training:
            self._backward = _Direction(runtime, tuple(axis.transposed for axis in spec.axes), spec.B, spec.C)

    def forward(self, x: Array) -> Array:
        return self._forward(x)

    def backward(self, dy: Array) -> Array:
        return self._backward(dy)
