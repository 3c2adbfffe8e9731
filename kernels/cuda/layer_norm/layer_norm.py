"""Launches layer_norm.cu: the buffers of a LayerNormalization layer and the order of its kernels."""

from functools import partial
from typing import Any

from kernels.arrays import Array
from kernels.cuda.common.rounding import ceil_div
from kernels.cuda.launch.launch import Program, Runtime, Size
from kernels.cuda.launch.workspace import Workspace
from kernels.operations import LayerNorm
from kernels.specs import LayerNormSpec

THREADS = 256
TEAM_BYTES = 8 * THREADS
"""Dynamic shared memory of a sum over teams: a float64 for each thread."""

ELEMENTS_EACH = 4
"""Of a row, at least, that a thread of its team has, unless all threads of a block are one team."""

MAX_SLICES, ROWS_PER_SLICE = 256, 64
MAX_PARTIAL = 2**22
"""Of the sums over slices of rows: how many slices at most, how many rows each at least, how many elements at most."""


class CudaLayerNorm(LayerNorm[Array]):
    """One layer bound to a shape: buffers allocated, kernels compiled, grids computed."""

    def __init__(self, runtime: Runtime, workspace: Workspace, spec: LayerNormSpec) -> None:
        self.spec = spec
        rows, n = spec.rows, spec.features
        if max(rows, n) >= 2**30:
            raise ValueError(f"spec: expected less than 2**30 rows of less than 2**30 features, got {rows:,} of {n:,}")
        team = min(THREADS, 1 << (ceil_div(n, ELEMENTS_EACH) - 1).bit_length())
        program = Program(runtime, "layer_norm/layer_norm.cu", {"SPEC_N": n, "TEAM": team})
        grid, block = (ceil_div(rows, THREADS // team),), (THREADS,)
        statistics: dict[str, Size] = {"mean": rows, "inverse_deviation": rows}
        self._statistics: dict[str, Any] = {name: runtime.empty((rows,), "float32") for name in statistics}
        self.y = runtime.empty(spec.shape, "float32")
        sizes: dict[str, Size] = {"x": spec.shape, "gamma": n, "beta": n, **statistics, "y": spec.shape}
        self._forward = partial(
            program.kernel("layer_norm", sizes), grid, block, shared_bytes=TEAM_BYTES, rows=rows, epsilon=spec.epsilon
        )
        if not spec.training:
            return
        self.dx = runtime.empty(spec.shape, "float32")
        both: dict[str, Size] = {"dy": spec.shape, "x": spec.shape, **statistics}
        self._backward = partial(
            program.kernel("layer_norm_backward", both | {"gamma": n, "dx": spec.shape}), grid, block,
            shared_bytes=TEAM_BYTES, rows=rows,
        )  # fmt: skip
        slices = max(1, min(MAX_SLICES, ceil_div(rows, ROWS_PER_SLICE), MAX_PARTIAL // n))
        per_slice = ceil_div(rows, slices)
        slices = ceil_div(rows, per_slice)
        partial_sums = (slices, 2, n)
        self._partial = workspace.array("sums", partial_sums, "float64")
        self._slices = partial(
            program.kernel("layer_norm_slices", both | {"partial": partial_sums}),
            (slices, ceil_div(n, min(n, THREADS))), block, shared_bytes=2 * TEAM_BYTES, rows=rows,
            rows_per_slice=per_slice,
        )  # fmt: skip
        self._finish = partial(
            program.kernel("layer_norm_finish", {"partial": partial_sums, "dgamma": n, "dbeta": n}),
            (ceil_div(n, THREADS),), block, slices=slices,
        )  # fmt: skip

    def forward(self, x: Array, gamma: Array, beta: Array) -> Array:
        self._forward(x=x, gamma=gamma, beta=beta, y=self.y, **self._statistics)
        return self.y

    def backward(self, dy: Array, x: Array, gamma: Array, dgamma: Array, dbeta: Array) -> Array:
        if not self.spec.training:
            raise ValueError(f"spec: expected training=True for backward, got {self.spec}")
        self._slices(dy=dy, x=x, partial=self._partial, **self._statistics)
        self._finish(partial=self._partial, dgamma=dgamma, dbeta=dbeta)
        self._backward(dy=dy, x=x, gamma=gamma, dx=self.dx, **self._statistics)
        return self.dx
