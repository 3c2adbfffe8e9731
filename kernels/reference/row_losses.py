"""Losses and metrics of whole rows: a term of every row, the mean, and its derivative beside it.

kernels/row_losses.py has the formulas.
"""

from collections.abc import Callable

import numpy as np

from kernels.arrays import HostArray
from kernels.losses import LossSpec
from kernels.row_losses import PROBABILITY_MARGIN, ROW_TERMS
from kernels.tables import require

TermAndSlope = Callable[[HostArray, HostArray, float], tuple[HostArray, HostArray]]
"""(predictions or logits, targets, parameter) -> the terms (..., 1) and their derivatives, like the predictions."""


class RowLossOperation:
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
        spec = self._spec
        if spec.from_logits and ROW_TERMS[spec.kind].of_logits is not None:
            term, slope = LOGIT_TERMS[spec.kind](output, target, spec.parameter)
        else:
            p = np.exp(_log_softmax(output)) if spec.from_logits else output
            term, slope = TERMS[spec.kind](p, target, spec.parameter)
        rows = output.size // output.shape[-1]
        if weights is not None:
            runs = np.repeat(weights.reshape(-1), rows // weights.size).reshape(term.shape)
            term, slope = term * runs, slope * runs
        loss[0] = np.sum(term, dtype=np.float64) / rows
        if doutput is not None:
            doutput[...] = slope * output.dtype.type(spec.scale / rows)


def _sum(rows: HostArray) -> HostArray:
    return np.sum(rows, axis=-1, keepdims=True)


def _onehot(p: HostArray, y: HostArray) -> HostArray:
    return (np.arange(p.shape[-1]) == y).astype(p.dtype)


def _clipped(p: HostArray, high: float) -> HostArray:
    return np.clip(p, p.dtype.type(PROBABILITY_MARGIN), p.dtype.type(high))


def _log_softmax(z: HostArray) -> HostArray:
    below = z - z.max(axis=-1, keepdims=True)
    return below - np.log(_sum(np.exp(below)))


def _smoothed(y: HostArray, label_smoothing: float) -> HostArray:
    return y * (1.0 - label_smoothing) + label_smoothing / y.shape[-1]


def _categorical_crossentropy(p: HostArray, y: HostArray, label_smoothing: float) -> tuple[HostArray, HostArray]:
    t, total = _smoothed(y, label_smoothing), _sum(p)
    share = p / total
    q = _clipped(share, 1.0 - PROBABILITY_MARGIN)
    by_share = np.where(q == share, -t / q, 0.0)
    return -_sum(t * np.log(q)), (by_share - _sum(by_share * share)) / total


def _categorical_crossentropy_of_logits(z: HostArray, y: HostArray, smoothing: float) -> tuple[HostArray, HostArray]:
    t, log_p = _smoothed(y, smoothing), _log_softmax(z)
    return -_sum(t * log_p), _sum(t) * np.exp(log_p) - t


def _sparse_categorical_crossentropy(p: HostArray, y: HostArray, _: float) -> tuple[HostArray, HostArray]:
    t, q = _onehot(p, y), _clipped(p, 1.0 - PROBABILITY_MARGIN)
    total = _sum(q)
    return np.log(total) - np.log(_sum(t * q)), np.where(q == p, 1.0 / total - t / q, 0.0)


def _sparse_categorical_crossentropy_of_logits(z: HostArray, y: HostArray, _: float) -> tuple[HostArray, HostArray]:
    t, log_p = _onehot(z, y), _log_softmax(z)
    return -_sum(t * log_p), np.exp(log_p) - t


def _kl_divergence(p: HostArray, y: HostArray, _: float) -> tuple[HostArray, HostArray]:
    t, q = _clipped(y, 1.0), _clipped(p, 1.0)
    return _sum(t * np.log(t / q)), np.where(q == p, -t / q, 0.0)


def _cosine_similarity(p: HostArray, y: HostArray, _: float) -> tuple[HostArray, HostArray]:
    least = p.dtype.type(PROBABILITY_MARGIN)
    length = np.sqrt(_sum(np.square(p)))
    a, b = 1.0 / np.maximum(length, least), 1.0 / np.maximum(np.sqrt(_sum(np.square(y))), least)
    term = -_sum(a * p * b * y)
    return term, -a * b * y - np.where(length > least, term * a * a * p, 0.0)


def _is_largest(p: HostArray, classes: HostArray) -> tuple[HostArray, HostArray]:
    hit = np.argmax(p, axis=-1, keepdims=True) == classes
    return hit.astype(p.dtype), np.zeros_like(p)


TERMS: dict[str, TermAndSlope] = {
    "categorical_crossentropy": _categorical_crossentropy,
    "sparse_categorical_crossentropy": _sparse_categorical_crossentropy,
    "kl_divergence": _kl_divergence,
    "cosine_similarity": _cosine_similarity,
    "categorical_accuracy": lambda p, y, _: _is_largest(p, np.argmax(y, axis=-1, keepdims=True)),
    "sparse_categorical_accuracy": lambda p, y, _: _is_largest(p, y),
}

LOGIT_TERMS: dict[str, TermAndSlope] = {
    "categorical_crossentropy": _categorical_crossentropy_of_logits,
    "sparse_categorical_crossentropy": _sparse_categorical_crossentropy_of_logits,
}
"""Terms of logits z, with the derivative by z."""
