"""Losses and metrics: a term of every element, its mean, and its derivative beside it.

kernels/losses.py has the formulas.
"""

from collections.abc import Callable

import numpy as np

from kernels.arrays import HostArray
from kernels.losses import LossKind, LossSpec
from kernels.row_losses import PROBABILITY_MARGIN
from kernels.tables import require

TermAndSlope = Callable[[HostArray, HostArray, float], tuple[HostArray, HostArray]]
"""(prediction or logits, target, parameter) -> the terms and their derivatives, both like the prediction."""


class LossOperation:
    """One of TERMS or, from logits, of LOGIT_TERMS; see kernels.losses.LossOperation.

    Raises ValueError: it is not there.
    """

    def __init__(self, spec: LossSpec) -> None:
        require("loss", spec.kind, TERMS, "reference")
        self._spec = spec

    def __call__(
        self,
        output: HostArray,
        target: HostArray,
        weights: HostArray | None,
        loss: HostArray,
        doutput: HostArray | None,
    ) -> None:
        term, slope = self._term_and_slope(output, target)
        if weights is not None:
            runs = np.reshape(weights, (-1, 1))
            term, slope = ((array.reshape(len(runs), -1) * runs).reshape(output.shape) for array in (term, slope))
        loss[0] = np.sum(term, dtype=np.float64) / output.size
        if doutput is not None:
            doutput[...] = slope * output.dtype.type(self._spec.scale / output.size)

    def _term_and_slope(self, output: HostArray, target: HostArray) -> tuple[HostArray, HostArray]:
        spec = self._spec
        if spec.from_logits and spec.kind in LOGIT_TERMS:
            return LOGIT_TERMS[spec.kind](output, target, spec.parameter)
        return TERMS[spec.kind](_sigmoid(output) if spec.from_logits else output, target, spec.parameter)


def _binary_crossentropy(x: HostArray, y: HostArray, label_smoothing: float) -> tuple[HostArray, HostArray]:
    y = y * (1.0 - label_smoothing) + 0.5 * label_smoothing
    low, high = x.dtype.type(PROBABILITY_MARGIN), x.dtype.type(1.0 - PROBABILITY_MARGIN)
    p = np.clip(x, low, high)
    term = -(y * np.log(p) + (1.0 - y) * np.log(1.0 - p))
    return term, np.where(p == x, (p - y) / (p * (1.0 - p)), 0.0)


def _crossentropy_of_logits(z: HostArray, y: HostArray, label_smoothing: float) -> tuple[HostArray, HostArray]:
    y = y * (1.0 - label_smoothing) + 0.5 * label_smoothing
    return np.maximum(z, 0.0) - z * y + np.log1p(np.exp(-np.abs(z))), _sigmoid(z) - y


def _huber(p: HostArray, y: HostArray, delta: float) -> tuple[HostArray, HostArray]:
    error, size = p - y, np.abs(p - y)
    term = np.where(size <= delta, 0.5 * np.square(error), delta * (size - 0.5 * delta))
    return term, np.where(size <= delta, error, delta * np.sign(error))


def _binary_accuracy(p: HostArray, y: HostArray, threshold: float) -> tuple[HostArray, HostArray]:
    return ((p > threshold) == y).astype(p.dtype), np.zeros_like(p)


def _log_cosh(p: HostArray, y: HostArray, _: float) -> tuple[HostArray, HostArray]:
    size = np.abs(p - y)
    return size + np.log1p(np.exp(-2.0 * size)) - p.dtype.type(np.log(2.0)), np.tanh(p - y)


def _squared_logarithmic_error(p: HostArray, y: HostArray, _: float) -> tuple[HostArray, HostArray]:
    least = p.dtype.type(PROBABILITY_MARGIN)
    difference = np.log(np.maximum(p, least) + 1.0) - np.log(np.maximum(y, least) + 1.0)
    return np.square(difference), np.where(p >= least, 2.0 * difference / (p + 1.0), 0.0)


def _absolute_percentage_error(p: HostArray, y: HostArray, _: float) -> tuple[HostArray, HostArray]:
    size = np.maximum(np.abs(y), p.dtype.type(PROBABILITY_MARGIN))
    return 100.0 * np.abs(p - y) / size, 100.0 * np.sign(p - y) / size


def _poisson(p: HostArray, y: HostArray, _: float) -> tuple[HostArray, HostArray]:
    above = p + p.dtype.type(PROBABILITY_MARGIN)
    return p - y * np.log(above), 1.0 - y / above


def _sigmoid(z: HostArray) -> HostArray:
    return 0.5 * np.tanh(0.5 * z) + 0.5


TERMS: dict[LossKind, TermAndSlope] = {
    "binary_crossentropy": _binary_crossentropy,
    "mean_squared_error": lambda p, y, _: (np.square(p - y), 2.0 * (p - y)),
    "mean_absolute_error": lambda p, y, _: (np.abs(p - y), np.sign(p - y)),
    "huber": _huber,
    "binary_accuracy": _binary_accuracy,
    "log_cosh": _log_cosh,
    "mean_squared_logarithmic_error": _squared_logarithmic_error,
    "mean_absolute_percentage_error": _absolute_percentage_error,
    "poisson": _poisson,
}

LOGIT_TERMS: dict[LossKind, TermAndSlope] = {"binary_crossentropy": _crossentropy_of_logits}
"""Terms of logits z, with the derivative by z, where that is not TERMS of their sigmoid."""
