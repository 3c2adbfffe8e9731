"""Activations, one vector at a time; kernels/activations.py has the formulas.

There is little of it next to the convolutions, and it runs on one thread.
"""

import math

from kernels.activations import ACTIVATIONS, HARD_SIGMOID_SLOPE, Activation
from kernels.arrays import Array
from kernels.cpu.compile.jit import jit
from kernels.cpu.compile.vector import Vector, lanes, load_first, select_less, store_first
from kernels.cpu.pointwise.nonlinearities import HARD_SIGMOID, gate, gate_derivative, sigmoid, tanh
from kernels.tables import constants, implemented, require

_CODES = constants("ACTIVATION", ACTIVATIONS)
ACTIVATION_LINEAR = _CODES["ACTIVATION_LINEAR"]
ACTIVATION_SIGMOID = _CODES["ACTIVATION_SIGMOID"]
ACTIVATION_TANH = _CODES["ACTIVATION_TANH"]
ACTIVATION_RELU = _CODES["ACTIVATION_RELU"]
ACTIVATION_HARD_SIGMOID = _CODES["ACTIVATION_HARD_SIGMOID"]
ACTIVATION_HARD_SIGMOID_KERAS3 = _CODES["ACTIVATION_HARD_SIGMOID_KERAS3"]

_HARD = HARD_SIGMOID_SLOPE["hard_sigmoid"]
_HARD_KERAS3 = HARD_SIGMOID_SLOPE["hard_sigmoid_keras3"]


@jit
def activated(activation: int, z: Vector) -> Vector:
    """activation(z); NaN for a code that has no branch here."""
    if activation == ACTIVATION_LINEAR:
        y = z
    elif activation == ACTIVATION_SIGMOID:
        y = sigmoid(z)
    elif activation == ACTIVATION_TANH:
        y = tanh(z)
    elif activation == ACTIVATION_RELU:
        y = select_less(z, 0.0, 0.0, z)
    elif activation == ACTIVATION_HARD_SIGMOID:
        y = gate(HARD_SIGMOID, _HARD, z)
    elif activation == ACTIVATION_HARD_SIGMOID_KERAS3:
        y = gate(HARD_SIGMOID, _HARD_KERAS3, z)
    else:
        y = z * math.nan
    return y


@jit
def through(activation: int, y: Vector, dy: Vector) -> Vector:
    """dy * activation'(z) in terms of y = activation(z); NaN for a code that has no branch here."""
    if activation == ACTIVATION_LINEAR:
        dz = dy
    elif activation == ACTIVATION_SIGMOID:
        dz = dy * y * (1.0 - y)
    elif activation == ACTIVATION_TANH:
        dz = dy * (1.0 - y * y)
    elif activation == ACTIVATION_RELU:
        dz = select_less(y * -1.0, 0.0, dy, 0.0)
    elif activation == ACTIVATION_HARD_SIGMOID:
        dz = dy * gate_derivative(HARD_SIGMOID, _HARD, y)
    elif activation == ACTIVATION_HARD_SIGMOID_KERAS3:
        dz = dy * gate_derivative(HARD_SIGMOID, _HARD_KERAS3, y)
    else:
        dz = dy * math.nan
    return dz


IMPLEMENTED = implemented("ACTIVATION", ACTIVATIONS, activated.py_func.__code__.co_names)
"""The activations that have a branch above."""


def code_of(activation: Activation) -> int:
    """What `activated` and `through` know an activation by. Raises ValueError: they have no branch for it."""
    require("activation", activation, IMPLEMENTED, "cpu")
    return ACTIVATIONS[activation].code


class ActivationOperation:
    """See kernels.activations.ActivationOperation. Raises ValueError: IMPLEMENTED lacks it."""

    def __init__(self, activation: Activation) -> None:
        self._code = code_of(activation)

    def forward(self, z: Array, y: Array) -> None:
        _forward(self._code, z.reshape(-1), y.reshape(-1))

    def backward(self, y: Array, dy: Array, dz: Array) -> None:
        _backward(self._code, y.reshape(-1), dy.reshape(-1), dz.reshape(-1))


@jit
def _forward(activation: int, z: Array, y: Array) -> None:
    """y = activation(z), flat; y may be z."""
    for here in range(0, z.size, lanes(z)):
        count = z.size - here
        store_first(y, here, activated(activation, load_first(z, here, count)), count)


@jit
def _backward(activation: int, y: Array, dy: Array, dz: Array) -> None:
    """dz = dy * activation'(z) in terms of y, flat; dz may be dy."""
    for here in range(0, y.size, lanes(y)):
        count = y.size - here
        store_first(dz, here, through(activation, load_first(y, here, count), load_first(dy, here, count)), count)
