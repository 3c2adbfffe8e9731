"""How gradients move weights: flat buffers (P,), updated in place, and what is done to gradients before.

kernels/updates.py has the formulas of the rules.
"""

from collections.abc import Callable, Sequence

import numpy as np

from kernels.arrays import HostArray
from kernels.specs import ClipSpec
from kernels.tables import require
from kernels.updates import UpdateSpec


class UpdateOperation:
    """One of RULES; see kernels.updates.UpdateOperation. Raises ValueError: it is not there."""

    def __init__(self, spec: UpdateSpec) -> None:
        require("rule", spec.rule, RULES, "reference")
        self._rule, self._hyperparameters = RULES[spec.rule], spec.hyperparameters

    def __call__(self, weights: HostArray, gradients: HostArray, slots: Sequence[HostArray], rate: HostArray) -> None:
        self._rule(weights, gradients, *slots, rate, **self._hyperparameters)


def _adadelta(
    weights: HostArray,
    gradients: HostArray,
    accumulated_gradient: HostArray,
    accumulated_delta: HostArray,
    rate: HostArray,
    rho: float,
    epsilon: float,
) -> None:
    accumulated_gradient[...] = rho * accumulated_gradient + (1.0 - rho) * np.square(gradients)
    delta = gradients * np.sqrt(accumulated_delta + epsilon) / np.sqrt(accumulated_gradient + epsilon)
    weights -= rate * delta
    accumulated_delta[...] = rho * accumulated_delta + (1.0 - rho) * np.square(delta)


def _sgd(weights: HostArray, gradients: HostArray, rate: HostArray) -> None:
    weights -= rate * gradients


def _momentum(weights: HostArray, gradients: HostArray, velocity: HostArray, rate: HostArray, momentum: float) -> None:
    velocity[...] = momentum * velocity - rate * gradients
    weights += velocity


def _nesterov(weights: HostArray, gradients: HostArray, velocity: HostArray, rate: HostArray, momentum: float) -> None:
    step = rate * gradients
    velocity[...] = momentum * velocity - step
    weights += momentum * velocity - step


def _adam(
    weights: HostArray,
    gradients: HostArray,
    mean: HostArray,
    square: HostArray,
    rate: HostArray,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    _move_means(gradients, mean, square, beta_1, beta_2)
    weights -= rate * mean / (np.sqrt(square) + epsilon)


def _amsgrad(
    weights: HostArray,
    gradients: HostArray,
    mean: HostArray,
    square: HostArray,
    largest_square: HostArray,
    rate: HostArray,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    _move_means(gradients, mean, square, beta_1, beta_2)
    np.maximum(largest_square, square, out=largest_square)
    weights -= rate * mean / (np.sqrt(largest_square) + epsilon)


def _nadam(
    weights: HostArray,
    gradients: HostArray,
    mean: HostArray,
    square: HostArray,
    rate: HostArray,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    step, of_mean, of_gradient, of_square = rate
    _move_means(gradients, mean, square, beta_1, beta_2)
    weights -= step * (of_mean * mean + of_gradient * gradients) / (np.sqrt(square / of_square) + epsilon)


def _rmsprop(
    weights: HostArray, gradients: HostArray, square: HostArray, rate: HostArray, rho: float, epsilon: float
) -> None:
    square[...] = rho * square + (1.0 - rho) * np.square(gradients)
    weights -= rate * gradients / np.sqrt(square + epsilon)


def _rmsprop_centered(
    weights: HostArray,
    gradients: HostArray,
    square: HostArray,
    mean: HostArray,
    rate: HostArray,
    rho: float,
    epsilon: float,
) -> None:
    square[...] = rho * square + (1.0 - rho) * np.square(gradients)
    mean[...] = rho * mean + (1.0 - rho) * gradients
    weights -= rate * gradients / np.sqrt(square - np.square(mean) + epsilon)


def _rmsprop_momentum(
    weights: HostArray,
    gradients: HostArray,
    square: HostArray,
    velocity: HostArray,
    rate: HostArray,
    rho: float,
    epsilon: float,
    momentum: float,
) -> None:
    square[...] = rho * square + (1.0 - rho) * np.square(gradients)
    velocity[...] = momentum * velocity + rate * gradients / np.sqrt(square + epsilon)
    weights -= velocity


def _rmsprop_centered_momentum(
    weights: HostArray,
    gradients: HostArray,
    square: HostArray,
    velocity: HostArray,
    mean: HostArray,
    rate: HostArray,
    rho: float,
    epsilon: float,
    momentum: float,
) -> None:
    square[...] = rho * square + (1.0 - rho) * np.square(gradients)
    mean[...] = rho * mean + (1.0 - rho) * gradients
    velocity[...] = momentum * velocity + rate * gradients / np.sqrt(square - np.square(mean) + epsilon)
    weights -= velocity


def _move_means(gradients: HostArray, mean: HostArray, square: HostArray, beta_1: float, beta_2: float) -> None:
    mean += (1.0 - beta_1) * (gradients - mean)
    square += (1.0 - beta_2) * (np.square(gradients) - square)


RULES: dict[str, Callable[..., None]] = {
    "adadelta": _adadelta,
    "sgd": _sgd,
    "momentum": _momentum,
    "nesterov": _nesterov,
    "adam": _adam,
    "amsgrad": _amsgrad,
    "nadam": _nadam,
    "rmsprop": _rmsprop,
    "rmsprop_centered": _rmsprop_centered,
    "rmsprop_momentum": _rmsprop_momentum,
    "rmsprop_centered_momentum": _rmsprop_centered_momentum,
}
"""By name: functions of weights, gradients, the slots, the rates (R,) and the hyperparameters by name."""


def decay_weights(weights: HostArray, decayed: HostArray, rate: HostArray) -> None:
    """Decoupled weight decay (Loshchilov and Hutter 2017)."""
    weights -= rate * decayed * weights


def clip_gradients(spec: ClipSpec, gradients: HostArray) -> None:
    """A NaN stays one, and with a common norm makes all NaN, as in Keras."""
    if spec.by == "value":
        np.clip(gradients, -spec.limit, spec.limit, out=gradients)
        return
    parts = [gradients[start:stop] for start, stop in zip(spec.bounds[:-1], spec.bounds[1:], strict=True)]
    squares = [np.square(part, dtype=np.float64).sum() for part in parts]
    if spec.by == "global_norm":
        squares = [sum(squares)] * len(parts)
    for part, norm in zip(parts, np.sqrt(squares), strict=True):
        if not norm <= spec.limit:
            np.multiply(part, part.dtype.type(spec.limit / norm), out=part)
