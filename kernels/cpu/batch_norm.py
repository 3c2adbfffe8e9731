"""BatchNormalization over the last axis, statistics over the n = T*B*H*W other positions.

Forward:                                                       Backward:

    (1)  mean     = sum(x) / n                                     dbeta  = sum(dy)                               (4)
    (2)  variance = sum((x - mean)^2) / n                          dgamma = sum(dy xhat)                          (4)
    (3)  xhat     = (x - mean) / sqrt(variance + epsilon)          dx     = gamma / sqrt(variance + epsilon)
    (4)  y        = gamma xhat + beta                                       (dy - dbeta/n - xhat dgamma/n)        (1-3)

Each chunk of positions has its own mean and sum of squares about that mean, computed while the chunk is in cache; they
are put together in the chunks' order (Chan, Golub & LeVeque 1979), so x is read once for both statistics.
"""

from typing import Any

import numpy as np

from kernels.cpu.jit import jit, parallel, prange
from kernels.cpu.sums import CHUNK, chunk_count, sum_rows
from kernels.specs import BatchNormSpec

Array = Any


@jit
def _combine(rows: int, means: Array, squares: Array, mean: Array, variance: Array) -> None:
    """Means and sums of squares of chunks (chunks, C) -> mean and biased variance of all rows."""
    for n in range(mean.size):
        total_mean, total_square, seen = 0.0, 0.0, 0
        for chunk in range(means.shape[0]):
            size = min(CHUNK, rows - chunk * CHUNK)
            difference = means[chunk, n] - total_mean
            total_mean += difference * size / (seen + size)
            total_square += squares[chunk, n] + difference * difference * seen * size / (seen + size)
            seen += size
        mean[n], variance[n] = total_mean, total_square / rows


@parallel
def _statistics(x: Array, workers: int, mean: Array, variance: Array) -> None:
    """(1), (2) for each column of the flat matrix x (rows, C); mean, variance (C) in float64."""
    C = mean.size
    rows = x.size // C
    chunks = chunk_count(rows)
    means, squares = np.zeros((chunks, C)), np.zeros((chunks, C))
    for worker in prange(workers):
        for chunk in range(worker * chunks // workers, (worker + 1) * chunks // workers):
            first, end = chunk * CHUNK, min(rows, (chunk + 1) * CHUNK)
            for row in range(first, end):
                for n in range(C):
                    means[chunk, n] += x[row * C + n]
            for n in range(C):
                means[chunk, n] /= end - first
            for row in range(first, end):
                for n in range(C):
                    difference = x[row * C + n] - means[chunk, n]
                    squares[chunk, n] += difference * difference
    _combine(rows, means, squares, mean, variance)


@parallel
def _scale_and_shift(x: Array, workers: int, mean: Array, scale: Array, shift: Array, y: Array) -> None:
    """y = scale * (x - mean) + shift for the flat matrix x (rows, C)."""
    C = scale.size
    rows = x.size // C
    for worker in prange(workers):
        for row in range(worker * rows // workers, (worker + 1) * rows // workers):
            for n in range(C):
                y[row * C + n] = scale[n] * (x[row * C + n] - mean[n]) + shift[n]


@parallel
def _gradient_sums(dy: Array, x: Array, workers: int, mean: Array, inverse: Array, sums: Array) -> None:
    """sums (2C) = sum(dy), sum(dy xhat), in float64."""
    C = mean.size
    rows = x.size // C
    chunks = chunk_count(rows)
    partial = np.zeros((chunks, 2 * C))
    for worker in prange(workers):
        for chunk in range(worker * chunks // workers, (worker + 1) * chunks // workers):
            for row in range(chunk * CHUNK, min(rows, (chunk + 1) * CHUNK)):
                for n in range(C):
                    gradient = dy[row * C + n]
                    partial[chunk, n] += gradient
                    partial[chunk, C + n] += gradient * ((x[row * C + n] - mean[n]) * inverse[n])
    sum_rows(partial, sums)


@parallel
def _input_gradient(
    dy: Array, x: Array, workers: int, mean: Array, of_dy: Array, of_x: Array, constant: Array, dx: Array
) -> None:
    """dx = of_dy * dy + of_x * (x - mean) + constant, each (C)."""
    C = of_dy.size
    rows = x.size // C
    for worker in prange(workers):
        for row in range(worker * rows // workers, (worker + 1) * rows // workers):
            for n in range(C):
                i = row * C + n
                dx[i] = of_dy[n] * dy[i] + of_x[n] * (x[i] - mean[n]) + constant[n]


class BatchNormPlan:
    """Buffers of one BatchNormalization layer, and its calls; see Backend for what they take and return."""

    def __init__(self, spec: BatchNormSpec, dtype: np.dtype[Any], workers: int) -> None:
        self.epsilon, self.workers, self.dtype = spec.epsilon, workers, dtype
        shape = (spec.T, spec.B, spec.H, spec.W, spec.C)
        self.n = spec.T * spec.B * spec.H * spec.W
        self.y = np.zeros(shape, dtype)
        if spec.training:
            self.dx = np.zeros(shape, dtype)
        self.mean, self.variance = np.zeros(spec.C), np.zeros(spec.C)
        self.inverse_deviation = np.zeros(spec.C)
        self.sums = np.zeros(2 * spec.C)

    def _normalise(self, x: Array, mean: Array, variance: Array, gamma: Array, beta: Array) -> Array:
        self.inverse_deviation = 1.0 / np.sqrt(variance + self.epsilon)
        _scale_and_shift(
            x.reshape(-1), self.workers, *self._cast(mean, gamma * self.inverse_deviation, beta), self.y.reshape(-1)
        )
        return self.y

    def _cast(self, *rows: Array) -> list[Array]:
        return [row.astype(self.dtype) for row in rows]

    def forward(
        self, x: Array, gamma: Array, beta: Array, moving_mean: Array, moving_variance: Array, momentum: float
    ) -> Array:
        """Backend.batch_norm_forward."""
        _statistics(x.reshape(-1), self.workers, self.mean, self.variance)
        moving_mean -= ((moving_mean - self.mean) * (1.0 - momentum)).astype(self.dtype)
        moving_variance -= ((moving_variance - self.variance) * (1.0 - momentum)).astype(self.dtype)
        return self._normalise(x, self.mean, self.variance, gamma, beta)

    def inference(self, x: Array, gamma: Array, beta: Array, moving_mean: Array, moving_variance: Array) -> Array:
        """Backend.batch_norm_inference."""
        return self._normalise(x, moving_mean.astype(np.float64), moving_variance.astype(np.float64), gamma, beta)

    def backward(self, dy: Array, x: Array, gamma: Array, dgamma: Array, dbeta: Array) -> Array:
        """Backend.batch_norm_backward."""
        inverse = self.inverse_deviation
        _gradient_sums(dy.reshape(-1), x.reshape(-1), self.workers, self.mean, inverse, self.sums)
        sum_dy, sum_dy_xhat = np.split(self.sums, 2)
        dbeta[...], dgamma[...] = sum_dy, sum_dy_xhat
        of_dy = gamma * inverse
        of_x = -of_dy * inverse * sum_dy_xhat / self.n
        constant = -of_dy * sum_dy / self.n
        _input_gradient(
            dy.reshape(-1), x.reshape(-1), self.workers, *self._cast(self.mean, of_dy, of_x, constant),
            self.dx.reshape(-1),
        )  # fmt: skip
        return self.dx
