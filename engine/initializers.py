"""How weights begin: Keras' rules, drawn from a NumPy generator.

The distributions are those of Keras 2.3; the random numbers are not (Keras draws them inside its own framework).
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from engine.validation import one_of

Array = np.ndarray[Any, Any]
Initializer = Callable[[tuple[int, ...], np.random.Generator], Array]


def glorot_uniform(shape: tuple[int, ...], random: np.random.Generator) -> Array:
    """U(-L, L) with L = sqrt(6 / (fan_in + fan_out)), Glorot & Bengio 2010.

    A kernel's last axes are channels in and out; fan_out of a ConvLSTM kernel counts all four gates, as in Keras.
    """
    receptive = math.prod(shape[:-2])
    fan_in, fan_out = receptive * shape[-2], receptive * shape[-1]
    limit = math.sqrt(6.0 / (fan_in + fan_out))
    return random.uniform(-limit, limit, shape)


def orthogonal(shape: tuple[int, ...], random: np.random.Generator) -> Array:
    """A random orthogonal frame (Saxe et al. 2014) of the matrix (prod(shape[:-1]), shape[-1]).

    For a recurrent kernel (kh,kw,F,4F) that is one joint frame across taps and gates, as in Keras.
    """
    rows, columns = math.prod(shape[:-1]), shape[-1]
    gaussian = random.standard_normal((max(rows, columns), min(rows, columns)))
    frame, triangle = np.linalg.qr(gaussian)
    frame *= np.sign(np.diagonal(triangle))  # makes the distribution uniform over orthogonal frames
    return (frame if rows >= columns else frame.T).reshape(shape)


def zeros(shape: tuple[int, ...], _random: np.random.Generator) -> Array:
    """All zero."""
    return np.zeros(shape)


def ones(shape: tuple[int, ...], _random: np.random.Generator) -> Array:
    """All one."""
    return np.ones(shape)


INITIALIZERS: dict[str, Initializer] = {
    "glorot_uniform": glorot_uniform,
    "orthogonal": orthogonal,
    "zeros": zeros,
    "ones": ones,
}


def get_initializer(argument: str, name: Any) -> str:
    """Check an initializer's name; `argument` is the layer argument that it came through."""
    return str(one_of(argument, name, INITIALIZERS))
