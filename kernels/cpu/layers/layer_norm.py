"""LayerNormalization over the last axes: each row of n features by its own statistics.

Forward, for every row:                                       Backward:

    (1)  mean     = sum(x) / n                                    dbeta  = sum of dy over the rows           (4)
    (2)  variance = sum((x - mean)^2) / n                         dgamma = sum of dy xhat over the rows      (4)
    (3)  xhat     = (x - mean) / sqrt(variance + epsilon)         dxhat  = gamma dy                          (4)
    (4)  y        = gamma xhat + beta                             dx     = (dxhat - sum(dxhat)/n             (1-3)
                                                                     - xhat sum(dxhat xhat)/n)
                                                                    / sqrt(variance + epsilon)

A row is read in whole vectors and a last one of what remains; sums over its lanes are float64. Rows need nothing of one
another but the sums of (4): these are taken in chunks of rows, as many as the shape says, and then over the chunks.
"""

import math
from typing import Any

import numpy as np

from kernels.arrays import Array, HostArray
from kernels.cpu.compile.jit import claim_threads, parallel, prange, signed
from kernels.cpu.compile.memory import zeros
from kernels.cpu.compile.vector import broadcast, lanes, load, load_first, store_first, sum_of_first
from kernels.operations import LayerNorm
from kernels.specs import LayerNormSpec

_MAX_CHUNKS = 64
_PARTIAL_ELEMENTS = 2**21
"""Of a sum by chunks, at most, as far as a row is shorter."""


@parallel
def _forward(
    workers: int, x: Array, gamma: Array, beta: Array, epsilon: float, mean: Array, inverse: Array, y: Array
) -> None:
    """Run (1) to (4): x, y flat, gamma, beta (n), mean, inverse (rows)."""
    rows, n = mean.size, gamma.size
    for index in prange(workers):
        worker = signed(index)
        for row in range(worker * rows // workers, (worker + 1) * rows // workers):
            first = row * n
            whole = n // lanes(x) * lanes(x)
            total = load_first(x, first + whole, n - whole)
            for k in range(0, whole, lanes(x)):
                total = total + load(x, first + k)
            m = sum_of_first(total, lanes(x)) / n  # (1)
            square = broadcast(x, 0.0)
            for k in range(0, whole, lanes(x)):
                difference = load(x, first + k) - m
                square = square + difference * difference
            difference = load_first(x, first + whole, n - whole) - m
            squares = sum_of_first(square, lanes(x)) + sum_of_first(difference * difference, n - whole)
            deviation = 1.0 / math.sqrt(squares / n + epsilon)  # (2)
            mean[row], inverse[row] = m, deviation
            for k in range(0, n, lanes(x)):
                xhat = (load_first(x, first + k, n - k) - m) * deviation  # (3)
                value = load_first(gamma, k, n - k) * xhat + load_first(beta, k, n - k)  # (4)
                store_first(y, first + k, value, n - k)


@parallel
def _backward(
    workers: int, dy: Array, x: Array, gamma: Array, mean: Array, inverse: Array, of_gamma: Array, of_beta: Array,
    dx: Array,
) -> None:  # fmt: skip
    """Run (4) to (1), with the sums over rows by chunks: of_gamma, of_beta (chunks, n); others as for _forward."""
    rows, n, chunks = mean.size, gamma.size, of_gamma.shape[0]
    for index in prange(workers):
        worker = signed(index)
        for chunk in range(worker * chunks // workers, (worker + 1) * chunks // workers):
            slopes, shifts = of_gamma[chunk], of_beta[chunk]
            slopes[:] = 0.0
            shifts[:] = 0.0
            for row in range(chunk * rows // chunks, (chunk + 1) * rows // chunks):
                first, m, deviation = row * n, mean[row], inverse[row]
                total, along = broadcast(x, 0.0), broadcast(x, 0.0)
                for k in range(0, n, lanes(x)):
                    gradient = load_first(dy, first + k, n - k)
                    xhat = (load_first(x, first + k, n - k) - m) * deviation
                    store_first(shifts, k, load_first(shifts, k, n - k) + gradient, n - k)  # (4)
                    store_first(slopes, k, load_first(slopes, k, n - k) + gradient * xhat, n - k)  # (4)
                    dxhat = load_first(gamma, k, n - k) * gradient  # (4), zero beyond the row
                    total = total + dxhat
                    along = along + dxhat * xhat
                shift = sum_of_first(total, lanes(x)) / n
                slope = sum_of_first(along, lanes(x)) / n
                for k in range(0, n, lanes(x)):
                    xhat = (load_first(x, first + k, n - k) - m) * deviation
                    dxhat = load_first(gamma, k, n - k) * load_first(dy, first + k, n - k)
                    store_first(dx, first + k, (dxhat - shift - xhat * slope) * deviation, n - k)  # (1), (2), (3)


@parallel
def _over_chunks(workers: int, partial: Array, total: Array) -> None:
    """total[k] = sum of column k of partial (chunks, n), from the first chunk to the last."""
    n = total.size
    vectors = (n + lanes(total) - 1) // lanes(total)
    flat = partial.reshape(-1)
    for index in prange(workers):
        worker = signed(index)
        for vector in range(worker * vectors // workers, (worker + 1) * vectors // workers):
            k = vector * lanes(total)
            result = broadcast(total, 0.0)
            for first in range(k, flat.size, n):
                result = result + load_first(flat, first, n - k)
            store_first(total, k, result, n - k)


class CpuLayerNorm(LayerNorm[HostArray]):
    """Keeps each row's mean and 1 / sqrt(variance + epsilon)."""

    def __init__(self, spec: LayerNormSpec, dtype: np.dtype[Any], workers: int) -> None:
        self.epsilon, self.workers = spec.epsilon, workers
        self.y = zeros(spec.shape, dtype)
        self.mean, self.inverse = zeros(spec.rows, dtype), zeros(spec.rows, dtype)
        if spec.training:
            self.dx = zeros(spec.shape, dtype)
            chunks = max(1, min(_MAX_CHUNKS, spec.rows, _PARTIAL_ELEMENTS // spec.features))
            self.partial = [zeros((chunks, spec.features), dtype) for _ in range(2)]

    def forward(self, x: HostArray, gamma: HostArray, beta: HostArray) -> HostArray:
        claim_threads(self.workers)
        _forward(
            self.workers, x.reshape(-1), gamma.reshape(-1), beta.reshape(-1), self.epsilon, self.mean, self.inverse,
            self.y.reshape(-1),
        )  # fmt: skip
        return self.y

    def backward(self, dy: HostArray, x: HostArray, gamma: HostArray, dgamma: HostArray, dbeta: HostArray) -> HostArray:
        claim_threads(self.workers)
        _backward(
            self.workers, dy.reshape(-1), x.reshape(-1), gamma.reshape(-1), self.mean, self.inverse, *self.partial,
            self.dx.reshape(-1),
        )  # fmt: skip
        for partial, total in zip(self.partial, (dgamma, dbeta), strict=True):
            _over_chunks(self.workers, partial, total.reshape(-1))
        return self.dx
