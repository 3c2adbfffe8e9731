"""How gradients move weights: flat buffers, updated in place on one thread, and what is done to gradients before.

adadelta  a <- rho a + (1 - rho) g^2;  u = g sqrt(d + eps) / sqrt(a + eps);  w <- w - lr u;  d <- rho d + (1 - rho) u^2
sgd       v <- momentum v - lr g;  w <- w + v            nesterov: w <- w + momentum v - lr g
adam      m <- m + (1 - b1)(g - m);  s <- s + (1 - b2)(g^2 - s);  w <- w - step m / (sqrt(s) + eps)
          amsgrad: h <- max(h, s), in the place of s below
decay     w <- w - rate k w

Scalars have the buffers' dtype; those that change from step to step stand in arrays (1,).
"""

import math
from typing import Any

from kernels.cpu.compile.jit import jit

Array = Any


@jit
def adadelta_update(
    weights: Array,
    gradients: Array,
    accumulated_gradient: Array,
    accumulated_delta: Array,
    learning_rate: Array,
    rho: float,
    one_minus_rho: float,
    epsilon: float,
) -> None:
    """Backend.adadelta_update."""
    rate = learning_rate[0]
    for i in range(weights.size):
        g = gradients[i]
        a = rho * accumulated_gradient[i] + one_minus_rho * g * g
        u = g * math.sqrt(accumulated_delta[i] + epsilon) / math.sqrt(a + epsilon)
        accumulated_gradient[i] = a
        weights[i] -= rate * u
        accumulated_delta[i] = rho * accumulated_delta[i] + one_minus_rho * u * u


@jit
def sgd_update(weights: Array, gradients: Array, learning_rate: Array) -> None:
    """Backend.sgd_update without a velocity."""
    rate = learning_rate[0]
    for i in range(weights.size):
        weights[i] -= rate * gradients[i]


@jit
def momentum_update(
    weights: Array, gradients: Array, velocity: Array, learning_rate: Array, momentum: float, nesterov: bool
) -> None:
    """Backend.sgd_update with a velocity."""
    rate = learning_rate[0]
    for i in range(weights.size):
        step = rate * gradients[i]
        v = momentum * velocity[i] - step
        velocity[i] = v
        weights[i] += momentum * v - step if nesterov else v


@jit
def adam_update(
    weights: Array,
    gradients: Array,
    mean: Array,
    square: Array,
    largest_square: Array,
    amsgrad: bool,
    step_size: Array,
    one_minus_beta_1: float,
    one_minus_beta_2: float,
    epsilon: float,
) -> None:
    """Backend.adam_update; largest_square is not looked at without amsgrad."""
    step = step_size[0]
    for i in range(weights.size):
        g = gradients[i]
        m = mean[i] + one_minus_beta_1 * (g - mean[i])
        s = square[i] + one_minus_beta_2 * (g * g - square[i])
        mean[i] = m
        square[i] = s
        if amsgrad:
            if not s <= largest_square[i]:
                largest_square[i] = s
            s = largest_square[i]
        weights[i] -= step * m / (math.sqrt(s) + epsilon)


@jit
def decay_weights(weights: Array, decayed: Array, rate: Array) -> None:
    """Backend.decay_weights."""
    for i in range(weights.size):
        weights[i] -= rate[0] * decayed[i] * weights[i]


@jit
def clip_by_value(gradients: Array, limit: float) -> None:
    """Every gradient into [-limit, limit]; a NaN stays one."""
    for i in range(gradients.size):
        if gradients[i] > limit:
            gradients[i] = limit
        elif gradients[i] < -limit:
            gradients[i] = -limit


@jit
def clip_by_norm(gradients: Array, bounds: Array, squares: Array, limit: float, together: bool) -> None:
    """Scale each part between bounds (V+1), or all by one norm, down to limit. squares (V) float64 is scratch."""
    total = 0.0
    for part in range(squares.size):
        square = 0.0
        for i in range(bounds[part], bounds[part + 1]):
            square += float(gradients[i]) * float(gradients[i])
        squares[part] = square
        total += square
    for part in range(squares.size):
        norm = math.sqrt(total if together else squares[part])
        if not norm <= limit:
            scale = limit / norm
            for i in range(bounds[part], bounds[part + 1]):
                gradients[i] *= scale
