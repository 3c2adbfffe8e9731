"""Losses and metrics of flat arrays, on one thread: a term of every element, its mean, and its derivative beside it.

kernels/losses.py has the formulas; weights (runs,) has one number for each run.
"""

import math
from typing import Any

import numpy as np

from kernels.arrays import Array
from kernels.cpu.compile.jit import jit
from kernels.cpu.compile.vector import lanes, load_first, select_less, store_first, sum_of_first
from kernels.cpu.pointwise.nonlinearities import exp_of_minus_magnitude, log1p_of_fraction, sigmoid
from kernels.losses import TERMS, LossSpec
from kernels.row_losses import PROBABILITY_MARGIN
from kernels.tables import constants, implemented, require

_CODES = constants("LOSS", TERMS)
LOSS_BINARY_CROSSENTROPY = _CODES["LOSS_BINARY_CROSSENTROPY"]
LOSS_MEAN_SQUARED_ERROR = _CODES["LOSS_MEAN_SQUARED_ERROR"]
LOSS_MEAN_ABSOLUTE_ERROR = _CODES["LOSS_MEAN_ABSOLUTE_ERROR"]
LOSS_HUBER = _CODES["LOSS_HUBER"]
LOSS_BINARY_ACCURACY = _CODES["LOSS_BINARY_ACCURACY"]
LOSS_LOG_COSH = _CODES["LOSS_LOG_COSH"]
LOSS_MEAN_SQUARED_LOGARITHMIC_ERROR = _CODES["LOSS_MEAN_SQUARED_LOGARITHMIC_ERROR"]
LOSS_MEAN_ABSOLUTE_PERCENTAGE_ERROR = _CODES["LOSS_MEAN_ABSOLUTE_PERCENTAGE_ERROR"]
LOSS_POISSON = _CODES["LOSS_POISSON"]


@jit
def crossentropy_of_logits(
    z: Array, y: Array, weights: Array, loss: Array, dz: Array, need_dz: bool, smoothing: float, scale: float
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
                store_first(dz, here, (sigmoid(logit) - target) * (weight * (scale / z.size)), count)
    loss[0] = total / z.size


@jit
def squared_errors(x: Array, y: Array, weights: Array, loss: Array, dx: Array, need_dx: bool, scale: float) -> None:
    """Mean squared error, a vector at a time:  (x - y)^2,  2 (x - y)."""
    run = x.size // weights.size
    total = 0.0
    for number in range(weights.size):
        weight = weights[number]
        end = (number + 1) * run
        for here in range(number * run, end, lanes(x)):
            count = end - here
            error = load_first(x, here, count) - load_first(y, here, count)
            total += weight * sum_of_first(error * error, count)
            if need_dx:
                store_first(dx, here, error * (2.0 * weight * (scale / x.size)), count)
    loss[0] = total / x.size


@jit
def term_and_slope(kind: int, p: float, y: float, parameter: float, low: float, high: float) -> tuple[float, float]:
    """The term of one element and its derivative; low and high are what probabilities are clipped to.

    NaN for a kind that has no branch here.
    """
    error = p - y
    size = abs(error)
    one = p * 0 + 1
    sign = one if error > 0 else -one if error < 0 else error * 0
    if kind == LOSS_BINARY_CROSSENTROPY:
        target = y * (1 - parameter) + parameter / 2
        q = low if p < low else high if p > high else p
        term = -(target * math.log(q) + (1 - target) * math.log(1 - q))
        slope = (q - target) / (q * (1 - q)) if q == p else error * 0
    elif kind == LOSS_MEAN_SQUARED_ERROR:
        term, slope = error * error, error * 2
    elif kind == LOSS_MEAN_ABSOLUTE_ERROR:
        term, slope = size, sign
    elif kind == LOSS_HUBER:
        near = size <= parameter
        term = error * error / 2 if near else parameter * (size - parameter / 2)
        slope = error if near else parameter * sign
    elif kind == LOSS_BINARY_ACCURACY:
        hit = (y == one) if p > parameter else (y == error * 0)
        term, slope = one if hit else error * 0, error * 0
    elif kind == LOSS_LOG_COSH:
        term, slope = size + math.log1p(math.exp(size * -2)) - math.log(one * 2), math.tanh(error)
    elif kind == LOSS_MEAN_SQUARED_LOGARITHMIC_ERROR:
        q, t = low if p < low else p, low if y < low else y
        difference = math.log(q + 1) - math.log(t + 1)
        term, slope = difference * difference, error * 0 if p < low else difference * 2 / (p + 1)
    elif kind == LOSS_MEAN_ABSOLUTE_PERCENTAGE_ERROR:
        whole = low if abs(y) < low else abs(y)
        term, slope = size * 100 / whole, sign * 100 / whole
    elif kind == LOSS_POISSON:
        term, slope = p - y * math.log(p + low), one - y / (p + low)
    else:
        term, slope = one * math.nan, one * math.nan
    return term, slope


IMPLEMENTED = implemented("LOSS", TERMS, term_and_slope.py_func.__code__.co_names)
"""The terms that have a branch above."""


@jit
def _mean_of_terms(
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
    scale: float,
) -> None:
    """Every loss but those above; scalars have the dtype of x."""
    run = x.size // weights.size
    total = 0.0
    for number in range(weights.size):
        weight = weights[number]
        for i in range(number * run, (number + 1) * run):
            p = 1 / (1 + math.exp(-x[i])) if from_logits else x[i]
            term, slope = term_and_slope(kind, p, y[i], parameter, low, high)
            total += float(weight) * float(term)
            if need_dx:
                dx[i] = slope * weight * scale / x.size
    loss[0] = total / x.size


class LossOperation:
    """See kernels.losses.LossOperation. Raises ValueError: IMPLEMENTED lacks it."""

    def __init__(self, spec: LossSpec, dtype: np.dtype[Any]) -> None:
        require("loss", spec.kind, IMPLEMENTED, "cpu")
        self._ones = np.ones(1, dtype)
        self._parameter = dtype.type(spec.parameter)
        self._of_logits = spec.from_logits and spec.kind == "binary_crossentropy"
        self._squares = spec.kind == "mean_squared_error" and not spec.from_logits
        low, high = dtype.type(PROBABILITY_MARGIN), dtype.type(1.0 - PROBABILITY_MARGIN)
        self._scale = spec.scale
        self._numbers = TERMS[spec.kind].code, spec.from_logits, self._parameter, low, high

    def __call__(self, output: Array, target: Array, weights: Array | None, loss: Array, doutput: Array | None) -> None:
        x, y = output.reshape(-1), target.reshape(-1)
        dx = doutput.reshape(-1) if doutput is not None else x  # never written when it is not needed
        runs = self._ones if weights is None else weights.reshape(-1)
        if self._of_logits:
            crossentropy_of_logits(x, y, runs, loss, dx, doutput is not None, self._parameter, self._scale)
        elif self._squares:
            squared_errors(x, y, runs, loss, dx, doutput is not None, self._scale)
        else:
            scale = x.dtype.type(self._scale)
            _mean_of_terms(*self._numbers, x, y, runs, loss, dx, doutput is not None, scale)
