"""How gradients move weights: flat buffers (P,), updated in place, and what is done to gradients before.

Scalars that may change from step to step come as arrays (1,).
"""

from typing import Any

import numpy as np

from kernels.specs import ClipSpec

Array = np.ndarray[Any, Any]


def adadelta_update(
    weights: Array,
    gradients: Array,
    accumulated_gradient: Array,
    accumulated_delta: Array,
    learning_rate: Array,
    rho: float,
    epsilon: float,
) -> None:
    """Zeiler 2012 as Keras 2.3 has it."""
    accumulated_gradient[...] = rho * accumulated_gradient + (1.0 - rho) * np.square(gradients)
    delta = gradients * np.sqrt(accumulated_delta + epsilon) / np.sqrt(accumulated_gradient + epsilon)
    weights -= learning_rate * delta
    accumulated_delta[...] = rho * accumulated_delta + (1.0 - rho) * np.square(delta)


def sgd_update(
    weights: Array, gradients: Array, velocity: Array | None, learning_rate: Array, momentum: float, nesterov: bool
) -> None:
    """Gradient descent as every Keras has it: the learning rate is in the velocity."""
    step = learning_rate * gradients
    if velocity is None:
        weights -= step
        return
    velocity[...] = momentum * velocity - step
    weights += momentum * velocity - step if nesterov else velocity


def adam_update(
    weights: Array,
    gradients: Array,
    mean: Array,
    square: Array,
    largest_square: Array | None,
    step_size: Array,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    """Kingma and Ba 2014; with largest_square, AMSGrad (Reddi 2018)."""
    mean += (1.0 - beta_1) * (gradients - mean)
    square += (1.0 - beta_2) * (np.square(gradients) - square)
    if largest_square is not None:
        np.maximum(largest_square, square, out=largest_square)
        square = largest_square
    weights -= step_size * mean / (np.sqrt(square) + epsilon)


def decay_weights(weights: Array, decayed: Array, rate: Array) -> None:
    """Decoupled weight decay (Loshchilov and Hutter 2017)."""
    weights -= rate * decayed * weights


def clip_gradients(spec: ClipSpec, gradients: Array) -> None:
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
