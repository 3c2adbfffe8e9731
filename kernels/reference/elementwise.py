"""Activations, each with its derivative; kernels/activations.py has the formulas."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from kernels.activations import (
    ACTIVATIONS,
    GELU_TANH_CUBE,
    GELU_TANH_SCALE,
    SELU_ALPHA,
    SELU_SCALE,
    Activation,
    parsed,
)
from kernels.arrays import HostArray
from kernels.tables import require

Forward = Callable[..., HostArray]
Backward = Callable[..., HostArray]

_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def _hard_sigmoid(name: Activation) -> tuple[Forward, Backward]:
    slope = ACTIVATIONS[name].slope
    return (
        lambda z: np.clip(slope * z + 0.5, 0.0, 1.0),
        lambda y, dy: np.where((y > 0.0) & (y < 1.0), slope * dy, 0.0),
    )


def _sigmoid(z: HostArray) -> Any:
    return 0.5 * np.tanh(0.5 * z) + 0.5


def _elu(z: HostArray, alpha: float) -> Any:
    return np.where(z > 0.0, z, alpha * np.expm1(np.minimum(z, 0.0)))


def _clipped_relu(z: HostArray, max_value: float, negative_slope: float, threshold: float) -> Any:
    below = negative_slope * np.minimum(z - threshold, 0.0) if negative_slope > 0.0 else 0.0
    return np.minimum(np.where(z < threshold, 0.0, z), max_value) + below


def _silu_backward(z: HostArray, dy: HostArray) -> Any:
    s = _sigmoid(z)
    return dy * (s + z * s * (1.0 - s))


def _normal_cdf(z: HostArray) -> Any:
    return 0.5 * _erfc(-math.sqrt(0.5) * z)


def _gelu_backward(z: HostArray, dy: HostArray) -> Any:
    return dy * (_normal_cdf(z) + z * np.exp(-0.5 * z**2) / math.sqrt(2.0 * math.pi))


def _gelu_tanh(z: HostArray) -> Any:
    return np.tanh(GELU_TANH_SCALE * (z + GELU_TANH_CUBE * z**3))


def _gelu_tanh_backward(z: HostArray, dy: HostArray) -> Any:
    t = _gelu_tanh(z)
    return dy * 0.5 * (1.0 + t + z * (1.0 - t**2) * GELU_TANH_SCALE * (1.0 + 3.0 * GELU_TANH_CUBE * z**2))


FUNCTIONS: dict[Activation, tuple[Forward, Backward]] = {
    "linear": (lambda z: z, lambda y, dy: dy),
    "sigmoid": (_sigmoid, lambda y, dy: dy * y * (1.0 - y)),
    "tanh": (np.tanh, lambda y, dy: dy * (1.0 - y**2)),
    "relu": (lambda z: np.maximum(z, 0.0), lambda y, dy: np.where(y > 0.0, dy, 0.0)),
    "hard_sigmoid": _hard_sigmoid("hard_sigmoid"),
    "hard_sigmoid_keras3": _hard_sigmoid("hard_sigmoid_keras3"),
    "leaky_relu": (
        lambda z, slope: np.where(z > 0.0, z, slope * z),
        lambda y, dy, slope: np.where(y > 0.0, dy, slope * dy),
    ),
    "clipped_relu": (
        _clipped_relu,
        lambda y, dy, most, slope, _: np.where(y > 0.0, np.where(y < most, dy, 0.0), slope * dy),
    ),
    "elu": (_elu, lambda y, dy, alpha: np.where(y > 0.0, dy, dy * (y + alpha))),
    "selu": (
        lambda z: SELU_SCALE * _elu(z, SELU_ALPHA),
        lambda y, dy: dy * np.where(y > 0.0, SELU_SCALE, y + SELU_SCALE * SELU_ALPHA),
    ),
    "softplus": (lambda z: np.maximum(z, 0.0) + np.log1p(np.exp(-np.abs(z))), lambda y, dy: dy * -np.expm1(-y)),
    "softsign": (lambda z: z / (1.0 + np.abs(z)), lambda y, dy: dy * (1.0 - np.abs(y)) ** 2),
    "exponential": (np.exp, lambda y, dy: dy * y),
    "silu": (lambda z: z * _sigmoid(z), _silu_backward),
    "gelu": (lambda z: z * _normal_cdf(z), _gelu_backward),
    "gelu_tanh": (lambda z: 0.5 * z * (1.0 + _gelu_tanh(z)), _gelu_tanh_backward),
}
"""By name: y of z and the parameters, and dz of what is kept (y, or z where the table says so), dy and them."""


class ActivationOperation:
    """One of FUNCTIONS; see kernels.activations.ActivationOperation. Raises ValueError: it is not there."""

    def __init__(self, activation: Activation) -> None:
        taken_apart = parsed(activation)
        require("activation", taken_apart.name, FUNCTIONS, "reference")
        self._forward, self._backward = FUNCTIONS[taken_apart.name]
        self._parameters = taken_apart.parameters.values()

    def forward(self, z: HostArray, y: HostArray) -> None:
        y[...] = self._forward(z, *self._parameters)

    def backward(self, kept: HostArray, dy: HostArray, dz: HostArray) -> None:
        dz[...] = self._backward(kept, dy, *self._parameters)
