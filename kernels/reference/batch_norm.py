"""BatchNormalization over the last axis (Ioffe & Szegedy 2015), statistics over the n = T*B*H*W other positions.

Forward in training:

    (1)  mean     = sum(x) / n                            (C)
    (2)  variance = sum((x - mean)^2) / n                 (C), biased, as Keras normalises
    (3)  xhat     = (x - mean) / sqrt(variance + epsilon)
    (4)  y        = gamma * xhat + beta

Backward: x reaches y directly and through mean and variance; collected (docs/backward.md),

    dx = gamma / sqrt(variance + epsilon) * ( dy - sum(dy)/n - xhat * sum(dy * xhat)/n )
"""

from typing import Any

import numpy as np

from kernels.arrays import HostArray
from kernels.operations import BatchNorm
from kernels.specs import BatchNormSpec

_POSITIONS = (0, 1, 2, 3)


class ReferenceBatchNorm(BatchNorm[HostArray]):
    """Keeps for backward the batch's mean and 1 / sqrt(variance + epsilon), each (C)."""

    def __init__(self, spec: BatchNormSpec, dtype: np.dtype[Any]) -> None:
        self.epsilon = spec.epsilon
        self.mean, self.inverse_deviation = np.zeros(spec.C, dtype), np.zeros(spec.C, dtype)

    def forward(
        self,
        x: HostArray,
        gamma: HostArray,
        beta: HostArray,
        moving_mean: HostArray,
        moving_variance: HostArray,
        momentum: float,
    ) -> HostArray:
        self.mean = x.mean(axis=_POSITIONS)  # (1)
        variance = np.square(x - self.mean).mean(axis=_POSITIONS)  # (2)
        self.inverse_deviation = 1.0 / np.sqrt(variance + x.dtype.type(self.epsilon))
        moving_mean -= (moving_mean - self.mean) * x.dtype.type(1.0 - momentum)
        moving_variance -= (moving_variance - variance) * x.dtype.type(1.0 - momentum)
        return gamma * ((x - self.mean) * self.inverse_deviation) + beta  # (3), (4)

    def backward(self, dy: HostArray, x: HostArray, gamma: HostArray, dgamma: HostArray, dbeta: HostArray) -> HostArray:
        n = x.size // x.shape[-1]
        xhat = (x - self.mean) * self.inverse_deviation  # (3) again: cheaper than keeping it
        dbeta[...] = dy.sum(axis=_POSITIONS)  # (4)
        dgamma[...] = (dy * xhat).sum(axis=_POSITIONS)  # (4)
        return gamma * self.inverse_deviation * (dy - dbeta / n - xhat * (dgamma / n))  # (1), (2), (3)

    def inference(
        self, x: HostArray, gamma: HostArray, beta: HostArray, moving_mean: HostArray, moving_variance: HostArray
    ) -> HostArray:
        return gamma * ((x - moving_mean) / np.sqrt(moving_variance + x.dtype.type(self.epsilon))) + beta
