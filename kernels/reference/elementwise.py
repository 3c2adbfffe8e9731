"""Activations.

linear   y = z                    dz = dy
sigmoid  y = 1 / (1 + exp(-z))    dz = dy * y * (1 - y)
tanh     y = tanh(z)              dz = dy * (1 - y^2)
relu     y = max(z, 0)            dz = dy where y > 0, else 0
hard     y = clip(s z + 1/2, 0, 1)    dz = s dy where 0 < y < 1, else 0     s of hard_sigmoid, hard_sigmoid_keras3
"""

from typing import Any

import numpy as np

from kernels.specs import HARD_SIGMOID_SLOPE, Activation

Array = np.ndarray[Any, Any]


def activation_forward(activation: Activation, z: Array, y: Array) -> None:
    """y = activation(z), any shape."""
    if activation == "sigmoid":
        y[...] = 0.5 * np.tanh(0.5 * z) + 0.5
    elif activation == "tanh":
        np.tanh(z, out=y)
    elif activation == "relu":
        np.maximum(z, 0.0, out=y)
    elif activation in HARD_SIGMOID_SLOPE:
        np.clip(HARD_SIGMOID_SLOPE[activation] * z + 0.5, 0.0, 1.0, out=y)
    else:
        y[...] = z


def activation_backward(activation: Activation, y: Array, dy: Array, dz: Array) -> None:
    """dz = dy * activation'(z), in terms of y."""
    if activation == "sigmoid":
        dz[...] = dy * y * (1.0 - y)
    elif activation == "tanh":
        dz[...] = dy * (1.0 - y**2)
    elif activation == "relu":
        dz[...] = np.where(y > 0.0, dy, 0.0)
    elif activation in HARD_SIGMOID_SLOPE:
        dz[...] = np.where((y > 0.0) & (y < 1.0), HARD_SIGMOID_SLOPE[activation] * dy, 0.0)
    else:
        dz[...] = dy
