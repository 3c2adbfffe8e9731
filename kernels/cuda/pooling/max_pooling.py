"""Launches max_pooling.cu."""

import math
from functools import partial
from typing import Any

from kernels.arrays import Array
from kernels.cuda.common.rounding import ceil_div
from kernels.cuda.launch.launch import Program, Runtime
from kernels.cuda.pooling.windows import THREADS, sharing, span_tables
from kernels.operations import MaxPooling
from kernels.specs import MaxPoolingSpec


class CudaMaxPooling(MaxPooling[Array]):
    """One launch each way."""

    def __init__(self, runtime: Runtime, spec: MaxPoolingSpec) -> None:
        self.spec = spec
        shared = sharing(math.prod(max(count for _, count in of_axis) for of_axis in spec.spans))
        program = Program(runtime, "pooling/max_pooling.cu", {"ROWS": shared.rows})
        x, y = spec.x_shape, spec.y_shape
        self.y = runtime.empty(y, "float32")
        self.winners = runtime.empty(y, "int32") if spec.training else None
        spans: dict[str, Any] = dict(zip(("frames", "rows", "columns"), span_tables(runtime, spec.spans), strict=True))
        scalars: dict[str, Any] = {
            "batch": spec.B, "height": spec.H, "width": spec.W, "height_out": y[2], "width_out": y[3],
            "channels": spec.C, "kh": spec.window[1], "kw": spec.window[2],
        }  # fmt: skip
        tables = {name: table.size for name, table in spans.items()}
        self._forward = partial(
            program.kernel("max_pooling_forward", {"x": x, "y": y, "winners": y, **tables}, ("winners",)),
            shared.grid(self.y.size), (THREADS,), shared_bytes=shared.shared_bytes(2), n=self.y.size, **spans,
            **scalars,
        )  # fmt: skip
        if not spec.training:
            return
        self.dx = runtime.empty(x, "float32")
        over = span_tables(runtime, spec.covering)
        spans |= dict(zip(("over_frames", "over_rows", "over_columns"), over, strict=True))
        tables = {name: table.size for name, table in spans.items()}
        self._backward = partial(
            program.kernel("max_pooling_backward", {"dy": y, "winners": y, "dx": x, **tables}),
            (ceil_div(self.dx.size, THREADS),), (THREADS,), n=self.dx.size, **spans, **scalars,
        )  # fmt: skip

    def forward(self, x: Array) -> Array:
        self._forward(x=x, y=self.y, winners=self.winners)
        return self.y

    def backward(self, dy: Array) -> Array:
        self._backward(dy=dy, winners=self.winners, dx=self.dx)
        return self.dx
