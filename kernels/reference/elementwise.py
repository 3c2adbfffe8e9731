"""Activations, each with its derivative in terms of its output; kernels/activations.py has the formulas."""

from collections.abc import Callable

import numpy as np

from kernels.activations import ACTIVATIONS, Activation
from kernels.arrays import HostArray
from kernels.tables import require

Forward = Callable[[HostArray], HostArray]
Backward = Callable[[HostArray, HostArray], HostArray]


def _hard_sigmoid(name: Activation) -> tuple[Forward, Backward]:
    slope = ACTIVATIONS[name].slope
    return (
        lambda z: np.clip(slope * z + 0.5, 0.0, 1.0),
        lambda y, dy: np.where((y > 0.0) & (y < 1.0), slope * dy, 0.0),
    )


FUNCTIONS: dict[Activation, tuple[Forward, Backward]] = {
    "linear": (lambda z: z, lambda y, dy: dy),
    "sigmoid": (lambda z: 0.5 * np.tanh(0.5 * z) + 0.5, lambda y, dy: dy * y * (1.0 - y)),
    "tanh": (np.tanh, lambda y, dy: dy * (1.0 - y**2)),
    "relu": (lambda z: np.maximum(z, 0.0), lambda y, dy: np.where(y > 0.0, dy, 0.0)),
    "hard_sigmoid": _hard_sigmoid("hard_sigmoid"),
    "hard_sigmoid_keras3": _hard_sigmoid("hard_sigmoid_keras3"),
}
"""By name: y of z, and dz of y and dy."""


class ActivationOperation:
    """One of FUNCTIONS; see kernels.activations.ActivationOperation. Raises ValueError: it is not there."""

    def __init__(self, activation: Activation) -> None:
        require("activation", activation, FUNCTIONS, "reference")
        self._forward, self._backward = FUNCTIONS[activation]

    def forward(self, z: HostArray, y: HostArray) -> None:
        y[...] = self._forward(z)

    def backward(self, y: HostArray, dy: HostArray, dz: HostArray) -> None:
        dz[...] = self._backward(y, dy)
