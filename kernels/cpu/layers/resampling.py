"""Resampling: frames, rows and columns each through a banded matrix.

Forward:   (1)  y[p]  = sum over q of frames[p_t, q_t] rows[p_h, q_h] columns[p_w, q_w] x[q]

Backward:       dx[q] = sum over p of frames[p_t, q_t] rows[p_h, q_h] columns[p_w, q_w] dy[p]       (1)

Backward is forward with the transposed matrices. Sums are of columns first, then of rows, then of frames, so that a
mean over a whole movie loses no digits to the length of one sum. Repetition, and the gradient of a mean, are a product
with one weight for each pixel.
"""

from typing import Any

import numpy as np

from kernels.arrays import Array, HostArray
from kernels.cpu.compile.jit import claim_threads, jit, parallel, prange, signed
from kernels.cpu.compile.memory import zeros
from kernels.cpu.compile.vector import broadcast, lanes, load_first, store_first
from kernels.operations import Resampling
from kernels.specs import AxisWeights, ResamplingSpec


@jit
def _rows(
    B: int, H: int, W: int, C: int, frames: Array, rows: Array, columns: Array, frame_weights: Array,
    row_weights: Array, column_weights: Array, first: int, end: int, x: Array, y: Array,
) -> None:  # fmt: skip
    """(1), flat arrays; spans (n,2), weights (n,taps)."""
    H_out, W_out = rows.shape[0], columns.shape[0]
    for row in range(first, end):
        image, v = row // H_out, row % H_out
        t, b = image // B, image % B
        left_t, count_t, left_v, count_v = frames[t, 0], frames[t, 1], rows[v, 0], rows[v, 1]
        start = ((left_t * B + b) * H + left_v) * W * C
        for u in range(W_out):
            here, corner, count_u = (row * W_out + u) * C, start + columns[u, 0] * C, columns[u, 1]
            if count_t * count_v * count_u == 1:
                weight = frame_weights[t, 0] * row_weights[v, 0] * column_weights[u, 0]
                for lane in range(0, C, lanes(x)):
                    store_first(y, here + lane, load_first(x, corner + lane, C - lane) * weight, C - lane)
                continue
            for lane in range(0, C, lanes(x)):
                total = broadcast(x, 0.0)
                for a in range(count_t):
                    frame = broadcast(x, 0.0)
                    for i in range(count_v):
                        line, there = broadcast(x, 0.0), corner + (a * B * H + i) * W * C + lane
                        for j in range(count_u):
                            line = line + load_first(x, there + j * C, C - lane) * column_weights[u, j]
                        frame = frame + line * row_weights[v, i]
                    total = total + frame * frame_weights[t, a]
                store_first(y, here + lane, total, C - lane)


@parallel
def _resample(
    B: int, H: int, W: int, C: int, frames: Array, rows: Array, columns: Array, frame_weights: Array,
    row_weights: Array, column_weights: Array, workers: int, x: Array, y: Array,
) -> None:  # fmt: skip
    count = frames.shape[0] * B * rows.shape[0]
    for index in prange(workers):
        worker = signed(index)
        first, end = worker * count // workers, (worker + 1) * count // workers
        _rows(
            B, H, W, C, frames, rows, columns, frame_weights, row_weights, column_weights, first, end, x, y
        )  # fmt: skip


class _Direction:
    """One of the two ways, with its tables."""

    def __init__(self, axes: tuple[AxisWeights, ...], batch: int, channels: int, dtype: np.dtype[Any]) -> None:
        self.sizes = (batch, axes[1].inputs, axes[2].inputs, channels)
        self.spans = [np.array(axis.spans, np.int64) for axis in axes]
        self.weights = [axis.table.astype(dtype) for axis in axes]
        frames, rows, columns = (axis.outputs for axis in axes)
        self.result = zeros((frames, batch, rows, columns, channels), dtype)

    def __call__(self, workers: int, x: HostArray) -> HostArray:
        claim_threads(workers)
        _resample(*self.sizes, *self.spans, *self.weights, workers, x.reshape(-1), self.result.reshape(-1))
        return self.result


class CpuResampling(Resampling[HostArray]):
    """Weighs channels side by side."""

    def __init__(self, spec: ResamplingSpec, dtype: np.dtype[Any], workers: int) -> None:
        self.workers = workers
        self._forward = _Direction(spec.axes, spec.B, spec.C, dtype)
        if spec.training:
            transposed = tuple(axis.transposed for axis in spec.axes)
            self._backward = _Direction(transposed, spec.B, spec.C, dtype)

    def forward(self, x: HostArray) -> HostArray:
        return self._forward(self.workers, x)

    def backward(self, dy: HostArray) -> HostArray:
        return self._backward(self.workers, dy)
