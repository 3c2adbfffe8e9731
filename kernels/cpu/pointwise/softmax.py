"""Softmax: scores to shares of a whole, in rows; see kernels.operations.Softmax.

    forward                              backward
    (1)  e = exp(z - max(z))
    (2)  y = e / sum(e)                  dz = y * (dy - sum(dy * y))

A row is one worker's, and its sums are float64 in the order of its elements, so bits do not depend on threads.
"""

from kernels.arrays import Array, HostArray
from kernels.cpu.compile.jit import claim_threads, parallel, prange, signed
from kernels.cpu.compile.vector import lanes, load_first, store_first, sum_of_first
from kernels.cpu.pointwise.nonlinearities import exp_of_minus_magnitude
from kernels.operations import Softmax


@parallel
def _forward(workers: int, z: Array, y: Array) -> None:
    """Run (1) and (2) on z (rows, K)."""
    rows, K = z.shape
    for index in prange(workers):
        worker = signed(index)
        for row in range(worker * rows // workers, (worker + 1) * rows // workers):
            scores, shares = z[row], y[row]
            greatest = scores[0]
            for k in range(1, K):
                greatest = max(greatest, scores[k])
            total = 0.0
            for k in range(0, K, lanes(z)):
                e = exp_of_minus_magnitude(load_first(scores, k, K - k) - greatest)  # (1)
                store_first(shares, k, e, K - k)
                total += sum_of_first(e, K - k)
            for k in range(0, K, lanes(z)):
                store_first(shares, k, load_first(shares, k, K - k) * (1.0 / total), K - k)  # (2)


@parallel
def _backward(workers: int, y: Array, dy: Array, dz: Array) -> None:
    """Differentiate (2) and (1) on y (rows, K)."""
    rows, K = y.shape
    for index in prange(workers):
        worker = signed(index)
        for row in range(worker * rows // workers, (worker + 1) * rows // workers):
            shares, above, below = y[row], dy[row], dz[row]
            total = 0.0
            for k in range(0, K, lanes(y)):
                total += sum_of_first(load_first(above, k, K - k) * load_first(shares, k, K - k), K - k)
            for k in range(0, K, lanes(y)):
                store_first(below, k, load_first(shares, k, K - k) * (load_first(above, k, K - k) - total), K - k)


class CpuSoftmax(Softmax[HostArray]):
    """Rows in parallel."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def forward(self, z: HostArray, y: HostArray) -> None:
        claim_threads(self._workers)
        _forward(self._workers, *(array.reshape(-1, z.shape[-1]) for array in (z, y)))

    def backward(self, kept: HostArray, dy: HostArray, dz: HostArray) -> None:
        claim_threads(self._workers)
        _backward(self._workers, *(array.reshape(-1, kept.shape[-1]) for array in (kept, dy, dz)))
