"""What looks at one element at a time: activations.

There is little of it next to the convolutions, and it runs on one thread.

linear   y = z                    dz = dy
sigmoid  y = 1 / (1 + exp(-z))    dz = dy * y * (1 - y)
tanh     y = tanh(z)              dz = dy * (1 - y^2)
relu     y = max(z, 0)            dz = dy where y > 0, else 0
hard     y = clip(s z + 1/2, 0, 1)    dz = s dy where 0 < y < 1, else 0     s of hard_sigmoid, hard_sigmoid_keras3
"""

from typing import Any

from kernels.cpu.compile.jit import jit
from kernels.cpu.compile.vector import Vector, lanes, load_first, select_less, store_first
from kernels.cpu.pointwise.nonlinearities import HARD_SIGMOID, gate, gate_derivative, sigmoid, tanh
from kernels.specs import HARD_SIGMOID_SLOPE

Array = Any

_HARD = HARD_SIGMOID_SLOPE["hard_sigmoid"]
_HARD_KERAS3 = HARD_SIGMOID_SLOPE["hard_sigmoid_keras3"]


@jit
def activated(activation: int, z: Vector) -> Vector:
    """activation(z)."""
    if activation == 1:
        return sigmoid(z)
    if activation == 2:
        return tanh(z)
    if activation == 3:
        return select_less(z, 0.0, 0.0, z)
    if activation >= 4:
        return gate(HARD_SIGMOID, _HARD if activation == 4 else _HARD_KERAS3, z)
    return z


@jit
def through(activation: int, y: Vector, dy: Vector) -> Vector:
    """dy * activation'(z) in terms of y = activation(z)."""
    if activation == 1:
        return dy * y * (1.0 - y)
    if activation == 2:
        return dy * (1.0 - y * y)
    if activation == 3:
        return select_less(y * -1.0, 0.0, dy, 0.0)
    if activation >= 4:
        return dy * gate_derivative(HARD_SIGMOID, _HARD if activation == 4 else _HARD_KERAS3, y)
    return dy


@jit
def activation_forward(activation: int, z: Array, y: Array) -> None:
    """y = activation(z), flat; y may be z."""
    for here in range(0, z.size, lanes(z)):
        count = z.size - here
        store_first(y, here, activated(activation, load_first(z, here, count)), count)


@jit
def activation_backward(activation: int, y: Array, dy: Array, dz: Array) -> None:
    """dz = dy * activation'(z) in terms of y, flat; dz may be dy."""
    for here in range(0, y.size, lanes(y)):
        count = y.size - here
        store_first(dz, here, through(activation, load_first(y, here, count), load_first(dy, here, count)), count)
