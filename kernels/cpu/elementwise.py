"""What looks at one element at a time: activations, losses, the optimizer, and the gathering of a batch.

linear   y = z                    dz = dy
sigmoid  y = 1 / (1 + exp(-z))    dz = dy * y * (1 - y)
tanh     y = tanh(z)              dz = dy * (1 - y^2)
relu     y = max(z, 0)            dz = dy where y > 0, else 0

bce      loss = mean( max(z,0) - z*y + log1p(exp(-|z|)) )      dz = (sigmoid(z) - y) / n
mse      loss = mean( (p - y)^2 )                              dp = 2 (p - y) / n
"""

import math
from typing import Any

import numpy as np

from kernels.cpu.jit import parallel, prange
from kernels.cpu.nonlinearities import exp_of_minus_magnitude, log1p_of_fraction, sigmoid, tanh
from kernels.cpu.sums import CHUNK, chunk_count
from kernels.cpu.vector import lanes, load_first, select_less, store_first

Array = Any

ACTIVATIONS = {"linear": 0, "sigmoid": 1, "tanh": 2, "relu": 3}


@parallel
def activation_forward(activation: int, workers: int, z: Array, y: Array) -> None:
    """y = activation(z), flat; y may be z."""
    vectors = (z.size + lanes(z) - 1) // lanes(z)
    for worker in prange(workers):
        for vector in range(worker * vectors // workers, (worker + 1) * vectors // workers):
            here = vector * lanes(z)
            count = z.size - here
            value = load_first(z, here, count)
            if activation == 1:
                value = sigmoid(value)
            elif activation == 2:
                value = tanh(value)
            elif activation == 3:
                value = select_less(value, 0.0, 0.0, value)
            store_first(y, here, value, count)


@parallel
def activation_backward(activation: int, workers: int, y: Array, dy: Array, dz: Array) -> None:
    """dz = dy * activation'(z) in terms of y, flat; dz may be dy."""
    vectors = (y.size + lanes(y) - 1) // lanes(y)
    for worker in prange(workers):
        for vector in range(worker * vectors // workers, (worker + 1) * vectors // workers):
            here = vector * lanes(y)
            count = y.size - here
            output, gradient = load_first(y, here, count), load_first(dy, here, count)
            if activation == 1:
                gradient = gradient * output * (1.0 - output)
            elif activation == 2:
                gradient = gradient * (1.0 - output * output)
            elif activation == 3:
                gradient = select_less(output * -1.0, 0.0, gradient, 0.0)
            store_first(dz, here, gradient, count)


@parallel
def bce_forward_backward(workers: int, z: Array, y: Array, loss: Array, dz: Array, need_dz: bool) -> None:
    """Binary cross-entropy of flat logits; loss (1,) in float64."""
    size = z.size
    chunks = chunk_count(size)
    sums = np.zeros(chunks)
    for worker in prange(workers):
        losses = np.empty(CHUNK + lanes(z), z.dtype)
        for chunk in range(worker * chunks // workers, (worker + 1) * chunks // workers):
            first, end = chunk * CHUNK, min(size, (chunk + 1) * CHUNK)
            for here in range(first, end, lanes(z)):
                count = end - here
                logit, target = load_first(z, here, count), load_first(y, here, count)
                e = exp_of_minus_magnitude(logit)
                positive = select_less(logit, 0.0, 0.0, logit)
                store_first(losses, here - first, positive - logit * target + log1p_of_fraction(e), count)
                if need_dz:
                    store_first(dz, here, (sigmoid(logit) - target) * (1.0 / size), count)
            for i in range(end - first):
                sums[chunk] += losses[i]
    loss[0] = sums.sum() / size


@parallel
def mse_forward_backward(workers: int, p: Array, y: Array, loss: Array, dp: Array, need_dp: bool) -> None:
    """Mean squared error of flat predictions; loss (1,) in float64."""
    size = p.size
    chunks = chunk_count(size)
    sums = np.zeros(chunks)
    for worker in prange(workers):
        for chunk in range(worker * chunks // workers, (worker + 1) * chunks // workers):
            for i in range(chunk * CHUNK, min(size, (chunk + 1) * CHUNK)):
                difference = np.float64(p[i]) - np.float64(y[i])
                sums[chunk] += difference * difference
                if need_dp:
                    dp[i] = difference * (2.0 / size)
    loss[0] = sums.sum() / size


@parallel
def adadelta_update(
    workers: int,
    weights: Array,
    gradients: Array,
    accumulated_gradient: Array,
    accumulated_delta: Array,
    learning_rate: float,
    rho: float,
    one_minus_rho: float,
    epsilon: float,
) -> None:
    """Backend.adadelta_update on flat buffers; the scalars have the buffers' dtype."""
    for worker in prange(workers):
        for i in range(worker * weights.size // workers, (worker + 1) * weights.size // workers):
            g = gradients[i]
            a = rho * accumulated_gradient[i] + one_minus_rho * g * g
            u = g * math.sqrt(accumulated_delta[i] + epsilon) / math.sqrt(a + epsilon)
            accumulated_gradient[i] = a
            weights[i] -= learning_rate * u
            accumulated_delta[i] = rho * accumulated_delta[i] + one_minus_rho * u * u


@parallel
def gather_batch(workers: int, movies: Array, rows: Array, batch: Array) -> None:
    """batch[t, b] = movies[rows[b], t]: movies (N,T,frame), rows (B,), batch (T,B,frame)."""
    T, B = batch.shape[0], batch.shape[1]
    for worker in prange(workers):
        for i in range(worker * T * B // workers, (worker + 1) * T * B // workers):
            t, b = i // B, i % B
            batch[t, b, :] = movies[rows[b], t, :]
