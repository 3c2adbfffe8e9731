"""Losses and metrics: a term of every element, its mean, and its derivative beside it. LossSpec has the formulas."""

from typing import Any

import numpy as np

from kernels.specs import PROBABILITY_MARGIN, LossSpec

Array = np.ndarray[Any, Any]


def loss_forward_backward(
    spec: LossSpec, output: Array, target: Array, weights: Array | None, loss: Array, doutput: Array | None
) -> None:
    """Backend.loss_forward_backward; weights broadcast to output after the axes that they have."""
    term, slope = _term_and_slope(spec, output, target)
    if weights is not None:
        runs = np.reshape(weights, (-1, 1))
        term, slope = ((array.reshape(len(runs), -1) * runs).reshape(output.shape) for array in (term, slope))
    loss[0] = np.sum(term, dtype=np.float64) / output.size
    if doutput is not None:
        doutput[...] = slope * output.dtype.type(1.0 / output.size)


def _term_and_slope(spec: LossSpec, output: Array, target: Array) -> tuple[Array, Array]:
    """The terms and their derivatives by output, both like output; slope is zero where the spec has no gradient."""
    y = target
    if spec.kind == "binary_crossentropy":
        y = target * (1.0 - spec.parameter) + 0.5 * spec.parameter
        if spec.from_logits:
            z = output
            term = np.maximum(z, 0.0) - z * y + np.log1p(np.exp(-np.abs(z)))
            return term, _sigmoid(z) - y
        low, high = output.dtype.type(PROBABILITY_MARGIN), output.dtype.type(1.0 - PROBABILITY_MARGIN)
        p = np.clip(output, low, high)
        term = -(y * np.log(p) + (1.0 - y) * np.log(1.0 - p))
        return term, np.where(p == output, (p - y) / (p * (1.0 - p)), 0.0)
    p = _sigmoid(output) if spec.from_logits else output
    error = p - y
    if spec.kind == "binary_accuracy":
        return ((p > spec.parameter) == y).astype(output.dtype), np.zeros_like(output)
    if spec.kind == "mean_squared_error":
        return np.square(error), 2.0 * error
    if spec.kind == "mean_absolute_error":
        return np.abs(error), np.sign(error)
    delta, size = spec.parameter, np.abs(error)
    term = np.where(size <= delta, 0.5 * np.square(error), delta * (size - 0.5 * delta))
    return term, np.where(size <= delta, error, delta * np.sign(error))


def _sigmoid(z: Array) -> Array:
    return 0.5 * np.tanh(0.5 * z) + 0.5
