"""Losses and metrics of flat arrays, on one thread: a term of every element, its mean, and its derivative beside it.

LossSpec has the formulas, Backend.loss_forward_backward the arguments; weights (runs,) has one number for each run.
"""

import math
from typing import Any

from kernels.cpu.compile.jit import jit
from kernels.cpu.compile.vector import lanes, load_first, select_less, store_first, sum_of_first
from kernels.cpu.pointwise.nonlinearities import exp_of_minus_magnitude, log1p_of_fraction, sigmoid

Array = Any

KINDS = {"binary_crossentropy": 0, "mean_squared_error": 1, "mean_absolute_error": 2, "huber": 3, "binary_accuracy": 4}


@jit
def crossentropy_of_logits(
    z: Array, y: Array, weights: Array, loss: Array, dz: Array, need_dz: bool, smoothing: float
) -> None:
    """Binary cross-entropy, through the logits z:  max(z,0) - z y + log1p(exp(-|z|)),  sigmoid(z) - y."""
    run = z.size // weights.size
    total = 0.0
    for number in range(weights.size):
        weight = weights[number]
        end = (number + 1) * run
        for here in range(number * run, end, lanes(z)):
            count = end - here
            logit, target = load_first(z, here, count), load_first(y, here, count)
            target = target * (1.0 - smoothing) + 0.5 * smoothing
            e = exp_of_minus_magnitude(logit)
            positive = select_less(logit, 0.0, 0.0, logit)
            total += weight * sum_of_first(positive - logit * target + log1p_of_fraction(e), count)
            if need_dz:
                store_first(dz, here, (sigmoid(logit) - target) * (weight * (1.0 / z.size)), count)
    loss[0] = total / z.size


@jit
def term_and_slope(kind: int, p: float, y: float, parameter: float, low: float, high: float) -> tuple[float, float]:
    """Of one element; low and high are what probabilities are clipped to."""
    error = p - y
    size = abs(error)
    one = p * 0 + 1
    sign = one if error > 0 else -one if error < 0 else error * 0
    if kind == 0:
        target = y * (1 - parameter) + parameter / 2
        q = low if p < low else high if p > high else p
        slope = (q - target) / (q * (1 - q)) if q == p else error * 0
        return -(target * math.log(q) + (1 - target) * math.log(1 - q)), slope
    if kind == 1:
        return error * error, error * 2
    if kind == 2:
        return size, sign
    if kind == 3:
        if size <= parameter:
            return error * error / 2, error
        return parameter * (size - parameter / 2), parameter * sign
    hit = (y == one) if p > parameter else (y == error * 0)
    return (one if hit else error * 0), error * 0


@jit
def loss_forward_backward(
    kind: int,
    from_logits: bool,
    parameter: float,
    low: float,
    high: float,
    x: Array,
    y: Array,
    weights: Array,
    loss: Array,
    dx: Array,
    need_dx: bool,
) -> None:
    """Every loss but crossentropy_of_logits; scalars have the dtype of x."""
    run = x.size // weights.size
    total = 0.0
    for number in range(weights.size):
        weight = weights[number]
        for i in range(number * run, (number + 1) * run):
            p = 1 / (1 + math.exp(-x[i])) if from_logits else x[i]
            term, slope = term_and_slope(kind, p, y[i], parameter, low, high)
            total += float(weight) * float(term)
            if need_dx:
                dx[i] = slope * weight / x.size
    loss[0] = total / x.size
