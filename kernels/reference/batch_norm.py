"""BatchNormalization over the last axis (Ioffe & Szegedy 2015), statistics over the n = T*B*H*W other positions.

Forward in training:

    (1)  mean     = sum(x) / n                            (C)
    (2)  variance = sum((x - mean)^2) / n                 (C), biased, as Keras normalises
    (3)  xhat     = (x - mean) / sqrt(variance + epsilon)
    (4)  y        = gamma * xhat + beta

Backward: x reaches y directly and through mean and variance; collected (docs/backward.md),

    dx = gamma / sqrt(variance + epsilon) * ( dy - sum(dy)/n - xhat * sum(dy * xhat)/n )
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels.specs import BatchNormSpec

Array = np.ndarray[Any, Any]

_POSITIONS = (0, 1, 2, 3)


@dataclass
class BatchNormPlan:
    """What forward leaves for backward."""

    spec: BatchNormSpec
    mean: Array  # (C)
    inverse_deviation: Array  # (C), 1 / sqrt(variance + epsilon)


def batch_norm_forward(
    plan: BatchNormPlan,
    x: Array,
    gamma: Array,
    beta: Array,
    moving_mean: Array,
    moving_variance: Array,
    momentum: float,
) -> Array:
    """x (T,B,H,W,C) -> y; moves moving_mean and moving_variance (C) in place (Keras 2.3's plain moving average)."""
    mean = x.mean(axis=_POSITIONS)  # (1)
    variance = np.square(x - mean).mean(axis=_POSITIONS)  # (2)
    plan.mean = mean
    plan.inverse_deviation = 1.0 / np.sqrt(variance + x.dtype.type(plan.spec.epsilon))
    moving_mean -= (moving_mean - mean) * x.dtype.type(1.0 - momentum)
    moving_variance -= (moving_variance - variance) * x.dtype.type(1.0 - momentum)
    return gamma * ((x - mean) * plan.inverse_deviation) + beta  # (3), (4)


def batch_norm_backward(plan: BatchNormPlan, dy: Array, x: Array, gamma: Array) -> tuple[Array, Array, Array]:
    """dy (T,B,H,W,C) -> dx, dgamma, dbeta."""
    n = x.size // x.shape[-1]
    xhat = (x - plan.mean) * plan.inverse_deviation  # (3) again: cheaper than keeping it
    dbeta = dy.sum(axis=_POSITIONS)  # (4)
    dgamma = (dy * xhat).sum(axis=_POSITIONS)  # (4)
    dx = gamma * plan.inverse_deviation * (dy - dbeta / n - xhat * (dgamma / n))  # (1), (2), (3)
    return dx, dgamma, dbeta


def batch_norm_inference(
    epsilon: float, x: Array, gamma: Array, beta: Array, moving_mean: Array, moving_variance: Array
) -> Array:
    """(3) and (4) with the moving statistics: x (T,B,H,W,C) -> y."""
    return gamma * ((x - moving_mean) / np.sqrt(moving_variance + x.dtype.type(epsilon))) + beta
