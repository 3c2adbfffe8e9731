"""Max pooling: the largest number of each window of frames, rows and columns.

Forward:   (1)  winner[p] = the first q of the window of p with the largest x[q]
           (2)  y[p]      = x[winner[p]]

Backward:       dx[q] = sum of dy[p] over the windows p with winner[p] = q         (2)

Backward gathers: each dx is written once, by one thread, so that windows may overlap. A winner is kept as its number
within its window, in the dtype of x, so that it is compared in the lanes in which its dy stands; to find winners anew
from x would read x and y again, which are larger. The number that a
winner must have is the same for all channels, and made once for them: that halves the time.
"""

from typing import Any

import numpy as np

from kernels.arrays import Array, HostArray
from kernels.cpu.compile.jit import claim_threads, jit, parallel, prange, signed
from kernels.cpu.compile.memory import zeros
from kernels.cpu.compile.vector import broadcast, lanes, load_first, select_equal, select_less, store_first
from kernels.operations import MaxPooling
from kernels.specs import MaxPoolingSpec


@jit
def _forward_rows(
    B: int, H: int, W: int, C: int, kh: int, kw: int, frames: Array, rows: Array, columns: Array, first: int, end: int,
    x: Array, y: Array, winners: Array,
) -> None:  # fmt: skip
    """(1), (2), flat arrays; spans (n,2); winners of size 0: not kept."""
    H_out, W_out = rows.shape[0], columns.shape[0]
    keep = winners.size > 0
    for row in range(first, end):
        image, v = row // H_out, row % H_out
        t, b = image // B, image % B
        count_t, count_v = frames[t, 1], rows[v, 1]
        start = ((frames[t, 0] * B + b) * H + rows[v, 0]) * W * C
        for u in range(W_out):
            here, corner, count_u = (row * W_out + u) * C, start + columns[u, 0] * C, columns[u, 1]
            for lane in range(0, C, lanes(x)):
                best, winner = load_first(x, corner + lane, C - lane), broadcast(x, 0.0)
                for a in range(count_t):
                    for i in range(count_v):
                        line = corner + (a * B * H + i) * W * C + lane
                        tap = (a * kh + i) * kw
                        for j in range(count_u):
                            value = load_first(x, line + j * C, C - lane)
                            winner = select_less(best, value, 1.0 * (tap + j), winner)
                            best = select_less(best, value, value, best)
                store_first(y, here + lane, best, C - lane)
                if keep:
                    store_first(winners, here + lane, winner, C - lane)


@parallel
def _forward(
    B: int, H: int, W: int, C: int, kh: int, kw: int, frames: Array, rows: Array, columns: Array, workers: int,
    x: Array, y: Array, winners: Array,
) -> None:  # fmt: skip
    count = frames.shape[0] * B * rows.shape[0]
    for index in prange(workers):
        worker = signed(index)
        first, end = worker * count // workers, (worker + 1) * count // workers
        _forward_rows(B, H, W, C, kh, kw, frames, rows, columns, first, end, x, y, winners)


@jit
def _backward_rows(
    B: int, C: int, kh: int, kw: int, frames: Array, rows: Array, columns: Array, over_frames: Array, over_rows: Array,
    over_columns: Array, first: int, end: int, dy: Array, winners: Array, dx: Array,
) -> None:  # fmt: skip
    """(2) with respect to x; over_* (n,2): the outputs that see each input."""
    H, W, H_out, W_out = over_rows.shape[0], over_columns.shape[0], rows.shape[0], columns.shape[0]
    for row in range(first, end):
        image, v = row // H, row % H
        t, b = image // B, image % B
        first_p, end_p = over_frames[t, 0], over_frames[t, 0] + over_frames[t, 1]
        first_q, end_q = over_rows[v, 0], over_rows[v, 0] + over_rows[v, 1]
        for u in range(W):
            here, fresh = (row * W + u) * C, True
            for p in range(first_p, end_p):
                for q in range(first_q, end_q):
                    tap = ((t - frames[p, 0]) * kh + v - rows[q, 0]) * kw + u
                    line = ((p * B + b) * H_out + q) * W_out * C
                    for r in range(over_columns[u, 0], over_columns[u, 0] + over_columns[u, 1]):
                        number, there = broadcast(dx, 1.0 * (tap - columns[r, 0])), line + r * C
                        for lane in range(0, C, lanes(dx)):
                            winner = load_first(winners, there + lane, C - lane)
                            slope = select_equal(winner, number, load_first(dy, there + lane, C - lane), 0.0)
                            if not fresh:
                                slope = slope + load_first(dx, here + lane, C - lane)
                            store_first(dx, here + lane, slope, C - lane)
                        fresh = False
            if fresh:
                dx[here : here + C] = 0.0


@parallel
def _backward(
    B: int, C: int, kh: int, kw: int, frames: Array, rows: Array, columns: Array, over_frames: Array, over_rows: Array,
    over_columns: Array, workers: int, dy: Array, winners: Array, dx: Array,
) -> None:  # fmt: skip
    count = over_frames.shape[0] * B * over_rows.shape[0]
    for index in prange(workers):
        worker = signed(index)
        first, end = worker * count // workers, (worker + 1) * count // workers
        _backward_rows(
            B, C, kh, kw, frames, rows, columns, over_frames, over_rows, over_columns, first, end, dy, winners, dx
        )  # fmt: skip


class CpuMaxPooling(MaxPooling[HostArray]):
    """Compares channels side by side."""

    def __init__(self, spec: MaxPoolingSpec, dtype: np.dtype[Any], workers: int) -> None:
        self.spec, self.workers = spec, workers
        self.spans = [np.array(spans, np.int64) for spans in spec.spans]
        self.y = zeros(spec.y_shape, dtype)
        self.winners = zeros(spec.y_shape if spec.training else 0, dtype)
        if spec.training:
            self.covering = [np.array(spans, np.int64) for spans in spec.covering]
            self.dx = zeros(spec.x_shape, dtype)

    def forward(self, x: HostArray) -> HostArray:
        claim_threads(self.workers)
        spec = self.spec
        _forward(
            spec.B, spec.H, spec.W, spec.C, *spec.window[1:], *self.spans, self.workers, x.reshape(-1),
            self.y.reshape(-1), self.winners.reshape(-1),
        )  # fmt: skip
        return self.y

    def backward(self, dy: HostArray) -> HostArray:
        claim_threads(self.workers)
        spec = self.spec
        _backward(
            spec.B, spec.C, *spec.window[1:], *self.spans, *self.covering, self.workers, dy.reshape(-1),
            self.winners.reshape(-1), self.dx.reshape(-1),
        )  # fmt: skip
        return self.dx
