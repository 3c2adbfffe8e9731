"""BatchNormalization over the last axis, statistics over the n = T*B*H*W other positions.

Forward:                                                       Backward:

    (1)  mean     = sum(x) / n                                     dbeta  = sum(dy)                               (4)
    (2)  variance = sum((x - mean)^2) / n                          dgamma = sum(dy xhat)                          (4)
    (3)  xhat     = (x - mean) / sqrt(variance + epsilon)          dx     = gamma / sqrt(variance + epsilon)
    (4)  y        = gamma xhat + beta                                       (dy - dbeta/n - xhat dgamma/n)        (1-3)

A flat (n, C) matrix is read in whole vectors: after `period` elements, the least common multiple of C and the lanes, a
vector sees the same channels again. Each lane of a chunk has its own mean and sum of squares about that mean, computed
while the chunk is in cache; they are put together as Chan, Golub & LeVeque (1979) do, so x is read once for both
statistics. Rows beyond the last whole period are done one by one.
"""

import math
from typing import Any

import numpy as np

from kernels.arrays import Array, HostArray
from kernels.cpu.compile.jit import claim_threads, parallel, prange, signed
from kernels.cpu.compile.memory import zeros
from kernels.cpu.compile.vector import broadcast, lanes, lanes_of, load, store
from kernels.operations import BatchNorm
from kernels.specs import BatchNormSpec

_CHUNK_ELEMENTS = 8192
"""Elements of a chunk at most, as far as a period is shorter: two arrays of them stay in the first cache."""


@parallel
def _statistics(x: Array, workers: int, period: int, periods: int, means: Array, squares: Array) -> None:
    """Mean, and sum of squares about it, of each lane of each chunk (chunks, period) of `periods` periods."""
    chunks = means.shape[0]
    whole = x.size // period
    for index in prange(workers):
        worker = signed(index)
        for chunk in range(worker * chunks // workers, (worker + 1) * chunks // workers):
            first, end = chunk * periods, min(whole, (chunk + 1) * periods)
            for lane in range(0, period, lanes(x)):
                total = broadcast(x, 0.0)
                for here in range(first * period + lane, end * period, period):
                    total = total + load(x, here)
                mean = total * (1.0 / (end - first))
                square = broadcast(x, 0.0)
                for here in range(first * period + lane, end * period, period):
                    difference = load(x, here) - mean
                    square = square + difference * difference
                store(means[chunk], lane, mean)
                store(squares[chunk], lane, square)


@parallel
def _scale_and_shift(x: Array, workers: int, periods: int, mean: Array, scale: Array, shift: Array, y: Array) -> None:
    """y = scale * (x - mean) + shift, flat; mean, scale, shift (period)."""
    period = mean.size
    whole = x.size // period
    chunks = (whole + periods - 1) // periods
    for index in prange(workers):
        worker = signed(index)
        for chunk in range(worker * chunks // workers, (worker + 1) * chunks // workers):
            first, end = chunk * periods, min(whole, (chunk + 1) * periods)
            for lane in range(0, period, lanes(x)):
                m, a, b = load(mean, lane), load(scale, lane), load(shift, lane)
                for here in range(first * period + lane, end * period, period):
                    store(y, here, a * (load(x, here) - m) + b)
    for i in range(whole * period, x.size):
        lane = i - whole * period
        y[i] = scale[lane] * (x[i] - mean[lane]) + shift[lane]


@parallel
def _gradient_sums(dy: Array, x: Array, workers: int, periods: int, mean: Array, sums: Array, products: Array) -> None:
    """Sums of dy and of dy (x - mean) of each lane of each chunk (chunks, period); mean (period)."""
    period, chunks = mean.size, sums.shape[0]
    whole = x.size // period
    for index in prange(workers):
        worker = signed(index)
        for chunk in range(worker * chunks // workers, (worker + 1) * chunks // workers):
            first, end = chunk * periods, min(whole, (chunk + 1) * periods)
            for lane in range(0, period, lanes(x)):
                m, total, product = load(mean, lane), broadcast(x, 0.0), broadcast(x, 0.0)
                for here in range(first * period + lane, end * period, period):
                    gradient = load(dy, here)
                    total = total + gradient
                    product = product + gradient * (load(x, here) - m)
                store(sums[chunk], lane, total)
                store(products[chunk], lane, product)


@parallel
def _input_gradient(
    dy: Array, x: Array, workers: int, periods: int, mean: Array, of_dy: Array, of_x: Array, constant: Array, dx: Array
) -> None:
    """dx = of_dy * dy + of_x * (x - mean) + constant, flat; the others (period)."""
    period = mean.size
    whole = x.size // period
    chunks = (whole + periods - 1) // periods
    for index in prange(workers):
        worker = signed(index)
        for chunk in range(worker * chunks // workers, (worker + 1) * chunks // workers):
            first, end = chunk * periods, min(whole, (chunk + 1) * periods)
            for lane in range(0, period, lanes(x)):
                m, a, b, c = load(mean, lane), load(of_dy, lane), load(of_x, lane), load(constant, lane)
                for here in range(first * period + lane, end * period, period):
                    store(dx, here, a * load(dy, here) + b * (load(x, here) - m) + c)
    for i in range(whole * period, x.size):
        lane = i - whole * period
        dx[i] = of_dy[lane] * dy[i] + of_x[lane] * (x[i] - mean[lane]) + constant[lane]


class CpuBatchNorm(BatchNorm[HostArray]):
    """Sums in chunks that stay in cache."""

    def __init__(self, spec: BatchNormSpec, dtype: np.dtype[Any], workers: int) -> None:
        self.epsilon, self.workers, self.dtype = spec.epsilon, workers, dtype
        shape = (spec.T, spec.B, spec.H, spec.W, spec.C)
        self.n, self.C = spec.T * spec.B * spec.H * spec.W, spec.C
        self.period = math.lcm(spec.C, lanes_of(dtype.itemsize))
        self.periods = max(1, _CHUNK_ELEMENTS // self.period)
        self.y = zeros(shape, dtype)
        self.whole = self.n * spec.C // self.period
        if spec.training:
            self.dx = zeros(shape, dtype)
            chunks = -(-self.whole // self.periods)
            self.lane_sums = [zeros((chunks, self.period), dtype) for _ in range(2)]
        self.mean, self.inverse_deviation = np.zeros(spec.C), np.zeros(spec.C)

    def forward(
        self,
        x: HostArray,
        gamma: HostArray,
        beta: HostArray,
        moving_mean: HostArray,
        moving_variance: HostArray,
        momentum: float,
    ) -> HostArray:
        claim_threads(self.workers)
        mean, variance = self._moments(x)
        moving_mean -= ((moving_mean - mean) * (1.0 - momentum)).astype(self.dtype)
        moving_variance -= ((moving_variance - variance) * (1.0 - momentum)).astype(self.dtype)
        return self._normalise(x, mean, variance, gamma, beta)

    def backward(self, dy: HostArray, x: HostArray, gamma: HostArray, dgamma: HostArray, dbeta: HostArray) -> HostArray:
        claim_threads(self.workers)
        inverse = self.inverse_deviation
        sums, products = self.lane_sums
        (mean,) = self._by_lane(self.mean)
        _gradient_sums(dy.reshape(-1), x.reshape(-1), self.workers, self.periods, mean, sums, products)
        rest = self._rest(dy)
        sum_dy = self._by_channel(sums).sum(axis=0) + rest.sum(axis=0)
        products_rest = (rest * (self._rest(x) - self.mean)).sum(axis=0)
        sum_dy_xhat = (self._by_channel(products).sum(axis=0) + products_rest) * inverse
        dbeta[...], dgamma[...] = sum_dy, sum_dy_xhat
        of_dy = gamma * inverse
        of_x = -of_dy * inverse * sum_dy_xhat / self.n
        constant = -of_dy * sum_dy / self.n
        lane_values = self._by_lane(self.mean, of_dy, of_x, constant)
        _input_gradient(
            dy.reshape(-1), x.reshape(-1), self.workers, self.periods, *lane_values, self.dx.reshape(-1)
        )  # fmt: skip
        return self.dx

    def inference(
        self, x: HostArray, gamma: HostArray, beta: HostArray, moving_mean: HostArray, moving_variance: HostArray
    ) -> HostArray:
        claim_threads(self.workers)
        return self._normalise(x, moving_mean.astype(np.float64), moving_variance.astype(np.float64), gamma, beta)

    def _by_lane(self, *rows: HostArray) -> list[HostArray]:
        """Numbers of channels (C) as vectors see them, (period)."""
        return [np.tile(row.astype(self.dtype), self.period // self.C) for row in rows]

    def _by_channel(self, lane_values: HostArray) -> HostArray:
        """Values of lanes (chunks, period) as rows of channels (chunks * period / C, C), in float64."""
        return lane_values.reshape(-1, self.C).astype(np.float64)

    def _rest(self, x: HostArray) -> HostArray:
        """The rows beyond the last whole period, (rows, C) in float64."""
        return x.reshape(-1)[self.whole * self.period :].reshape(-1, self.C).astype(np.float64)

    def _moments(self, x: HostArray) -> tuple[HostArray, HostArray]:
        """(1), (2): mean and biased variance (C) in float64."""
        means, squares = self.lane_sums
        _statistics(x.reshape(-1), self.workers, self.period, self.periods, means, squares)
        chunks = np.full(len(means), self.periods)
        chunks[-1:] = self.whole - self.periods * (len(means) - 1)
        sizes = np.repeat(chunks, self.period // self.C)[:, np.newaxis]
        lane_means, rest = self._by_channel(means), self._rest(x)
        mean = ((sizes * lane_means).sum(axis=0) + rest.sum(axis=0)) / self.n
        about_mean = (sizes * (lane_means - mean) ** 2).sum(axis=0) + ((rest - mean) ** 2).sum(axis=0)
        return mean, (self._by_channel(squares).sum(axis=0) + about_mean) / self.n

    def _normalise(
        self, x: HostArray, mean: HostArray, variance: HostArray, gamma: HostArray, beta: HostArray
    ) -> HostArray:
        self.mean, self.inverse_deviation = mean, 1.0 / np.sqrt(variance + self.epsilon)
        lane_values = self._by_lane(mean, gamma * self.inverse_deviation, beta)
        _scale_and_shift(x.reshape(-1), self.workers, self.periods, *lane_values, self.y.reshape(-1))
        return self.y
