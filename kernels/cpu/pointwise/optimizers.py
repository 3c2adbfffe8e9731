"""How gradients move weights: flat buffers, updated in place on one thread, and what is done to gradients before.

kernels/updates.py has the formulas of the rules; decay: w <- w - rate k w. Scalars have the buffers' dtype; those that
change from step to step stand in arrays (1,) or, for a rule of several rates, (R,).

The function of a rule takes weights, gradients, its slots in their order, the rates, and then the hyperparameters by
name, as one_minus_NAME what they lack to 1. A function that serves two rules ends with what tells them apart.
"""

import inspect
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from kernels.arrays import Array
from kernels.cpu.compile.jit import jit
from kernels.specs import ClipSpec
from kernels.tables import require
from kernels.updates import UpdateSpec


@jit
def adadelta_update(
    weights: Array,
    gradients: Array,
    accumulated_gradient: Array,
    accumulated_delta: Array,
    rate: Array,
    rho: float,
    one_minus_rho: float,
    epsilon: float,
) -> None:
    """Rule "adadelta"."""
    learning_rate = rate[0]
    for i in range(weights.size):
        g = gradients[i]
        a = rho * accumulated_gradient[i] + one_minus_rho * g * g
        u = g * math.sqrt(accumulated_delta[i] + epsilon) / math.sqrt(a + epsilon)
        accumulated_gradient[i] = a
        weights[i] -= learning_rate * u
        accumulated_delta[i] = rho * accumulated_delta[i] + one_minus_rho * u * u


@jit
def sgd_update(weights: Array, gradients: Array, rate: Array) -> None:
    """Rule "sgd"."""
    learning_rate = rate[0]
    for i in range(weights.size):
        weights[i] -= learning_rate * gradients[i]


@jit
def momentum_update(
    weights: Array, gradients: Array, velocity: Array, rate: Array, momentum: float, nesterov: bool
) -> None:
    """Rules "momentum" and "nesterov"."""
    learning_rate = rate[0]
    for i in range(weights.size):
        step = learning_rate * gradients[i]
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
    rate: Array,
    one_minus_beta_1: float,
    one_minus_beta_2: float,
    epsilon: float,
    amsgrad: bool,
) -> None:
    """Rules "adam" and "amsgrad"; without amsgrad, largest_square is not looked at."""
    step = rate[0]
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
def nadam_update(
    weights: Array,
    gradients: Array,
    mean: Array,
    square: Array,
    rate: Array,
    one_minus_beta_1: float,
    one_minus_beta_2: float,
    epsilon: float,
) -> None:
    """Rule "nadam"."""
    step, of_mean, of_gradient, of_square = rate[0], rate[1], rate[2], rate[3]
    for i in range(weights.size):
        g = gradients[i]
        m = mean[i] + one_minus_beta_1 * (g - mean[i])
        s = square[i] + one_minus_beta_2 * (g * g - square[i])
        mean[i] = m
        square[i] = s
        weights[i] -= step * (of_mean * m + of_gradient * g) / (math.sqrt(s / of_square) + epsilon)


@jit
def rmsprop_update(
    weights: Array,
    gradients: Array,
    square: Array,
    mean: Array,
    rate: Array,
    rho: float,
    one_minus_rho: float,
    epsilon: float,
    centered: bool,
) -> None:
    """Rules "rmsprop" and "rmsprop_centered"; mean is looked at by the second alone."""
    learning_rate = rate[0]
    for i in range(weights.size):
        g = gradients[i]
        s = rho * square[i] + one_minus_rho * g * g
        square[i] = s
        if centered:
            a = rho * mean[i] + one_minus_rho * g
            mean[i] = a
            s -= a * a
        weights[i] -= learning_rate * g / math.sqrt(s + epsilon)


@jit
def rmsprop_momentum_update(
    weights: Array,
    gradients: Array,
    square: Array,
    velocity: Array,
    mean: Array,
    rate: Array,
    rho: float,
    one_minus_rho: float,
    epsilon: float,
    momentum: float,
    centered: bool,
) -> None:
    """Rules "rmsprop_momentum" and "rmsprop_centered_momentum"; mean is looked at by the second alone."""
    learning_rate = rate[0]
    for i in range(weights.size):
        g = gradients[i]
        s = rho * square[i] + one_minus_rho * g * g
        square[i] = s
        if centered:
            a = rho * mean[i] + one_minus_rho * g
            mean[i] = a
            s -= a * a
        v = momentum * velocity[i] + learning_rate * g / math.sqrt(s + epsilon)
        velocity[i] = v
        weights[i] -= v


RULES: dict[str, tuple[Any, tuple[bool, ...]]] = {
    "adadelta": (adadelta_update, ()),
    "sgd": (sgd_update, ()),
    "momentum": (momentum_update, (False,)),
    "nesterov": (momentum_update, (True,)),
    "adam": (adam_update, (False,)),
    "amsgrad": (adam_update, (True,)),
    "nadam": (nadam_update, ()),
    "rmsprop": (rmsprop_update, (False,)),
    "rmsprop_centered": (rmsprop_update, (True,)),
    "rmsprop_momentum": (rmsprop_momentum_update, (False,)),
    "rmsprop_centered_momentum": (rmsprop_momentum_update, (True,)),
}
"""By name: the function, and what it ends with."""


class UpdateOperation:
    """See kernels.updates.UpdateOperation. Raises ValueError: RULES lacks it."""

    def __init__(self, spec: UpdateSpec, dtype: np.dtype[Any]) -> None:
        require("rule", spec.rule, RULES, "cpu")
        self._function, ending = RULES[spec.rule]
        names = list(inspect.signature(self._function.py_func).parameters)
        rate = names.index("rate")
        numbers = names[rate + 1 : len(names) - len(ending)]
        self._numbers = (*(dtype.type(spec.number(name)) for name in numbers), *ending)
        self._slots = rate - 2

    def __call__(self, weights: Array, gradients: Array, slots: Sequence[Array], rate: Array) -> None:
        unread = [weights] * (self._slots - len(slots))  # compiled code takes an array there, and does not look at it
        self._function(weights, gradients, *slots, *unread, rate, *self._numbers)


@jit
def decay_weights(weights: Array, decayed: Array, rate: Array) -> None:
    """See Backend.decay_weights."""
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


class ClipOperation:
    """See kernels.updates.ClipOperation."""

    def __init__(self, spec: ClipSpec, dtype: np.dtype[Any]) -> None:
        self._spec, self._limit = spec, dtype.type(spec.limit)
        self._bounds, self._squares = np.array(spec.bounds, np.int64), np.empty(len(spec.bounds) - 1)

    def __call__(self, gradients: Array) -> None:
        spec = self._spec
        if spec.by == "value":
            clip_by_value(gradients, self._limit)
        else:
            clip_by_norm(gradients, self._bounds, self._squares, spec.limit, spec.by == "global_norm")
