"""Losses and metrics of rows (rows, K), on one thread: a term of every row, the mean, and its derivative beside it.

kernels/row_losses.py has the formulas; weights (runs,) has one number for each run of rows. A function of one row
writes its slopes into `slope` (K,), which is there whether the gradient is wanted or not, and returns the term.
"""

import math
from typing import Any

import numpy as np

from kernels.arrays import Array
from kernels.cpu.compile.jit import jit
from kernels.losses import LossSpec
from kernels.row_losses import PROBABILITY_MARGIN, ROW_TERMS
from kernels.tables import constants, implemented, require

_CODES = constants("ROW", ROW_TERMS)
ROW_CATEGORICAL_CROSSENTROPY = _CODES["ROW_CATEGORICAL_CROSSENTROPY"]
ROW_SPARSE_CATEGORICAL_CROSSENTROPY = _CODES["ROW_SPARSE_CATEGORICAL_CROSSENTROPY"]
ROW_KL_DIVERGENCE = _CODES["ROW_KL_DIVERGENCE"]
ROW_COSINE_SIMILARITY = _CODES["ROW_COSINE_SIMILARITY"]
ROW_CATEGORICAL_ACCURACY = _CODES["ROW_CATEGORICAL_ACCURACY"]
ROW_SPARSE_CATEGORICAL_ACCURACY = _CODES["ROW_SPARSE_CATEGORICAL_ACCURACY"]


@jit
def clipped(value: float, low: float, high: float) -> float:
    """Value into [low, high]; a NaN stays one."""
    return low if value < low else high if value > high else value


@jit
def log_sum_exp(z: Array) -> float:
    """log(sum(exp(z)))."""
    most, total = z[0], z[0] * 0
    for k in range(z.size):
        most = max(most, z[k])
    for k in range(z.size):
        total += math.exp(z[k] - most)
    return most + math.log(total)


@jit
def index_of_largest(row: Array) -> int:
    """The first of the largest."""
    best = 0
    for k in range(row.size):
        if row[k] > row[best]:
            best = k
    return best


@jit
def categorical_crossentropy(
    x: Array, y: Array, smoothing: float, low: float, high: float, of_logits: bool, slope: Array
) -> float:
    """Of probabilities, which are divided by their sum, or of logits."""
    term, total, inner = x[0] * 0, x[0] * 0, x[0] * 0
    if of_logits:
        log_total = log_sum_exp(x)
        for k in range(x.size):
            t = y[k] * (1 - smoothing) + smoothing / x.size
            term += t * (log_total - x[k])
            total += t
        for k in range(x.size):
            slope[k] = total * math.exp(x[k] - log_total) - (y[k] * (1 - smoothing) + smoothing / x.size)
        return term
    for k in range(x.size):
        total += x[k]
    for k in range(x.size):
        t, share = y[k] * (1 - smoothing) + smoothing / x.size, x[k] / total
        q = clipped(share, low, high)
        term -= t * math.log(q)
        slope[k] = -t / q if q == share else share * 0
        inner += slope[k] * share
    for k in range(x.size):
        slope[k] = (slope[k] - inner) / total
    return term


@jit
def sparse_categorical_crossentropy(
    x: Array, y: float, low: float, high: float, of_logits: bool, slope: Array
) -> float:
    """Of probabilities, which are clipped and then divided by their sum, or of logits; y is a class."""
    at = int(y)
    if not 0 <= at < x.size:
        return x[0] * math.nan
    if of_logits:
        log_total = log_sum_exp(x)
        for k in range(x.size):
            slope[k] = math.exp(x[k] - log_total)
        slope[at] -= 1
        return log_total - x[at]
    total = x[0] * 0
    for k in range(x.size):
        total += clipped(x[k], low, high)
    for k in range(x.size):
        slope[k] = 1 / total if clipped(x[k], low, high) == x[k] else total * 0
    q = clipped(x[at], low, high)
    if q == x[at]:
        slope[at] -= 1 / q
    return math.log(total) - math.log(q)


@jit
def kl_divergence(p: Array, y: Array, low: float, slope: Array) -> float:
    """Of two distributions, both clipped."""
    term = p[0] * 0
    one = p[0] * 0 + 1
    for k in range(p.size):
        t, q = clipped(y[k], low, one), clipped(p[k], low, one)
        term += t * math.log(t / q)
        slope[k] = -t / q if q == p[k] else p[k] * 0
    return term


@jit
def cosine_similarity(p: Array, y: Array, low: float, slope: Array) -> float:
    """Minus the cosine of the angle between two rows."""
    product, of_p, of_y = p[0] * 0, p[0] * 0, p[0] * 0
    for k in range(p.size):
        product += p[k] * y[k]
        of_p += p[k] * p[k]
        of_y += y[k] * y[k]
    length = math.sqrt(of_p)
    a, b = 1 / max(length, low), 1 / max(math.sqrt(of_y), low)
    term = -a * b * product
    for k in range(p.size):
        slope[k] = -a * b * y[k]
        if length > low:
            slope[k] -= term * a * a * p[k]
    return term


@jit
def row_term(
    kind: int, of_logits: bool, parameter: float, low: float, high: float, x: Array, y: Array, slope: Array
) -> float:
    """The term of one row; NaN for a kind that has no branch here."""
    zero = x[0] * 0
    if kind == ROW_CATEGORICAL_CROSSENTROPY:
        term = categorical_crossentropy(x, y, parameter, low, high, of_logits, slope)
    elif kind == ROW_SPARSE_CATEGORICAL_CROSSENTROPY:
        term = sparse_categorical_crossentropy(x, y[0], low, high, of_logits, slope)
    elif kind == ROW_KL_DIVERGENCE:
        term = kl_divergence(x, y, low, slope)
    elif kind == ROW_COSINE_SIMILARITY:
        term = cosine_similarity(x, y, low, slope)
    elif kind == ROW_CATEGORICAL_ACCURACY:
        term = zero + 1 if index_of_largest(x) == index_of_largest(y) else zero
    elif kind == ROW_SPARSE_CATEGORICAL_ACCURACY:
        term = zero + 1 if index_of_largest(x) == int(y[0]) else zero
    else:
        term = zero + math.nan
    return term


IMPLEMENTED = implemented("ROW", ROW_TERMS, row_term.py_func.__code__.co_names)
"""The terms that have a branch above."""


@jit
def _mean_of_rows(
    kind: int,
    of_logits: bool,
    softmax: bool,
    parameter: float,
    low: float,
    high: float,
    x: Array,
    y: Array,
    weights: Array,
    loss: Array,
    dx: Array,
    need_dx: bool,
    scratch: Array,
    scale: float,
) -> None:
    """Every loss of rows; x, dx (rows, K), y (rows, K or 1), scratch (2, K); scalars have the dtype of x."""
    run = len(x) // weights.size
    total = 0.0
    for row in range(len(x)):
        weight, given = weights[row // run], x[row]
        if softmax:
            log_total = log_sum_exp(x[row])
            given = scratch[1]
            for k in range(given.size):
                given[k] = math.exp(x[row, k] - log_total)
        term = row_term(kind, of_logits, parameter, low, high, given, y[row], scratch[0])
        total += float(weight) * float(term)
        if need_dx:
            for k in range(given.size):
                dx[row, k] = scratch[0, k] * weight * scale / len(x)
    loss[0] = total / len(x)


class RowLossOperation:
    """See kernels.losses.LossOperation. Raises ValueError: IMPLEMENTED lacks it."""

    def __init__(self, spec: LossSpec, dtype: np.dtype[Any]) -> None:
        require("loss", spec.kind, IMPLEMENTED, "cpu")
        self._ones = np.ones(1, dtype)
        term = ROW_TERMS[spec.kind]
        of_logits = spec.from_logits and term.of_logits is not None
        low, high = dtype.type(PROBABILITY_MARGIN), dtype.type(1.0 - PROBABILITY_MARGIN)
        self._numbers = term.code, of_logits, spec.from_logits and not of_logits, dtype.type(spec.parameter), low, high
        self._scale = dtype.type(spec.scale)
        self._scratch = np.zeros((2, 0), dtype)

    def __call__(self, output: Array, target: Array, weights: Array | None, loss: Array, doutput: Array | None) -> None:
        channels = output.shape[-1]
        x, y = output.reshape((-1, channels)), target.reshape((-1, target.shape[-1]))
        if self._scratch.shape[1] != channels:
            self._scratch = np.zeros((2, channels), output.dtype)
        dx = doutput.reshape((-1, channels)) if doutput is not None else x  # never written when it is not needed
        runs = self._ones if weights is None else weights.reshape(-1)
        _mean_of_rows(*self._numbers, x, y, runs, loss, dx, doutput is not None, self._scratch, self._scale)
