"""Broadcasting, and the sum over any choice of axes that is its gradient.

Forward:   (1)  y[i, j, ...] = x[i or 0, j or 0, ...]            Backward:  dx = sum of dy over the axes where x has 1

Neighbouring axes of one kind count as one, so that of the axes before the last at most two are kept and two summed. A
task sums a segment of dy for one vector of neighbours of dx, where the last axis is kept, or for one number, where it
is summed. Segments are fixed by the shapes, and short, so that float32 does for one; they are added up in float64.
"""

from typing import Any, NamedTuple

import numpy as np

from kernels.arrays import Array, HostArray
from kernels.cpu.compile.jit import claim_threads, parallel, prange
from kernels.cpu.compile.vector import broadcast, lanes, lanes_of, load_first, store_first, sum_of_first
from kernels.cpu.products.sums import sum_rows
from kernels.operations import Broadcast
from kernels.operations.broadcast import Axis, split_axes

_SEGMENT = 1024
"""Most vectors that a task adds up."""

_TASKS = 64
"""How many tasks there should be, if that many can be made."""


class Sums(NamedTuple):
    """What is kept and what is summed, as compiled code takes it: sizes, and steps in elements of dy."""

    kept0: int
    kept0_step: int
    kept1: int
    kept1_step: int
    summed0_step: int
    summed1: int
    summed1_step: int
    rows: int
    """Indices of both summed axes before the last."""
    last: int
    """Size of the last axis."""
    last_is_kept: bool
    pieces: int
    """In how many the last axis is cut, where it is summed."""


@parallel
def _sum(workers: int, s: Sums, dy: Array, partial: Array) -> None:
    """(1): partial (segments, dx.size), of flat dy."""
    segments, outputs = partial.shape
    width = lanes(dy)
    blocks = (s.last + width - 1) // width if s.last_is_kept else 1
    tasks, rows = s.kept0 * s.kept1 * blocks * segments, s.rows * s.pieces
    flat = partial.reshape(-1)
    for worker in prange(workers):
        for task in range(worker * tasks // workers, (worker + 1) * tasks // workers):
            segment, block, outer = task % segments, task // segments % blocks, task // segments // blocks
            start = outer // s.kept1 * s.kept0_step + outer % s.kept1 * s.kept1_step + block * width
            total = broadcast(dy, 0.0)
            for place in range(segment * rows // segments, (segment + 1) * rows // segments):
                row, piece = place // s.pieces, place % s.pieces
                at = start + row // s.summed1 * s.summed0_step + row % s.summed1 * s.summed1_step
                if s.last_is_kept:
                    total = total + load_first(dy, at, s.last - block * width)
                else:
                    end = (piece + 1) * s.last // s.pieces
                    for i in range(piece * s.last // s.pieces, end, width):
                        total = total + load_first(dy, at + i, end - i)
            if s.last_is_kept:
                target = segment * outputs + outer * s.last + block * width
                store_first(flat, target, total, s.last - block * width)
            else:
                flat[segment * outputs + outer] = sum_of_first(total, width)


class CpuBroadcast(Broadcast[HostArray]):
    """NumPy repeats; the sums are compiled."""

    def __init__(self, x_shape: tuple[int, ...], y_shape: tuple[int, ...], dtype: np.dtype[Any], workers: int) -> None:
        kept, summed = split_axes(x_shape, y_shape)
        self._workers, self._sums = workers, None
        if not summed:
            return
        last_is_kept = bool(kept) and kept[-1].step == 1
        last = (kept if last_is_kept else summed).pop()
        (kept0, kept1), (summed0, summed1) = _padded(kept), _padded(summed)
        rows, width = summed0.size * summed1.size, lanes_of(dtype.itemsize)
        pieces = 1 if last_is_kept else -(-last.size // (_SEGMENT * width))
        self._sums = Sums(
            kept0.size, kept0.step, kept1.size, kept1.step, summed0.step, summed1.size, summed1.step, rows, last.size,
            last_is_kept, pieces,
        )  # fmt: skip
        blocks, vectors = (-(-last.size // width), 1) if last_is_kept else (1, -(-last.size // (width * pieces)))
        wanted = max(-(-_TASKS // (kept0.size * kept1.size * blocks)), rows * pieces * vectors // _SEGMENT)
        outputs = int(np.prod(x_shape))
        self._partial = np.empty((min(rows * pieces, wanted), outputs), dtype)

    def forward(self, x: HostArray, y: HostArray) -> None:
        y[...] = x

    def add(self, x: HostArray, y: HostArray) -> None:
        y += x

    def backward(self, dy: HostArray, dx: HostArray) -> None:
        if self._sums is None:
            dx[...] = dy
            return
        claim_threads(self._workers)
        alone = len(self._partial) == 1
        _sum(self._workers, self._sums, dy.reshape(-1), dx.reshape(1, -1) if alone else self._partial)
        if not alone:
            sum_rows(self._partial, dx.reshape(-1))


def _padded(axes: list[Axis]) -> tuple[Axis, Axis]:
    first, second = [Axis(1, 0)] * (2 - len(axes)) + axes
    return first, second
