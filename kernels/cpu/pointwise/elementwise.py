"""Activations, one vector at a time; kernels/activations.py has the formulas.

There is little of it next to the convolutions, and it runs on one thread.
"""

import math

from kernels.activations import (
    ACTIVATIONS,
    GELU_TANH_CUBE,
    GELU_TANH_SCALE,
    HARD_SIGMOID_SLOPE,
    SELU_ALPHA,
    SELU_SCALE,
    Activation,
    parsed,
)
from kernels.arrays import Array
from kernels.cpu.compile.inlining import not_inlined
from kernels.cpu.compile.jit import jit
from kernels.cpu.compile.vector import Vector, lanes, load_first, select_less, store_first
from kernels.cpu.pointwise.nonlinearities import (
    HARD_SIGMOID,
    exp,
    exp_of_minus_magnitude,
    expm1_of_minus,
    gate,
    gate_derivative,
    log1p_of_fraction,
    sigmoid,
    tanh,
)
from kernels.cpu.pointwise.normal import normal_cdf, normal_density
from kernels.tables import constants, implemented, require

_CODES = constants("ACTIVATION", ACTIVATIONS)
ACTIVATION_LINEAR = _CODES["ACTIVATION_LINEAR"]
ACTIVATION_SIGMOID = _CODES["ACTIVATION_SIGMOID"]
ACTIVATION_TANH = _CODES["ACTIVATION_TANH"]
ACTIVATION_RELU = _CODES["ACTIVATION_RELU"]
ACTIVATION_HARD_SIGMOID = _CODES["ACTIVATION_HARD_SIGMOID"]
ACTIVATION_HARD_SIGMOID_KERAS3 = _CODES["ACTIVATION_HARD_SIGMOID_KERAS3"]
ACTIVATION_LEAKY_RELU = _CODES["ACTIVATION_LEAKY_RELU"]
ACTIVATION_CLIPPED_RELU = _CODES["ACTIVATION_CLIPPED_RELU"]
ACTIVATION_ELU = _CODES["ACTIVATION_ELU"]
ACTIVATION_SELU = _CODES["ACTIVATION_SELU"]
ACTIVATION_SOFTPLUS = _CODES["ACTIVATION_SOFTPLUS"]
ACTIVATION_SOFTSIGN = _CODES["ACTIVATION_SOFTSIGN"]
ACTIVATION_EXPONENTIAL = _CODES["ACTIVATION_EXPONENTIAL"]
ACTIVATION_SILU = _CODES["ACTIVATION_SILU"]
ACTIVATION_GELU = _CODES["ACTIVATION_GELU"]
ACTIVATION_GELU_TANH = _CODES["ACTIVATION_GELU_TANH"]

_HARD = HARD_SIGMOID_SLOPE["hard_sigmoid"]
_HARD_KERAS3 = HARD_SIGMOID_SLOPE["hard_sigmoid_keras3"]

_OF_INPUT = sum(1 << entry.code for entry in ACTIVATIONS.values() if entry.of_input)
"""A bit for each code."""

Code = tuple[int, tuple[float, float, float]]
"""An activation in compiled code: its entry's code, and its parameters."""


@jit
def activated(code: Code, z: Vector) -> Vector:
    """activation(z); NaN for a code that has no branch here."""
    activation = code[0]
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
        y = _rarer(code, z)
    return y


@jit
def _rarer(code: Code, z: Vector) -> Vector:
    """`activated` for what stands in few loops: LLVM takes the few branches of the others out of their loops."""
    not_inlined()
    activation, (p0, p1, p2) = code
    if activation == ACTIVATION_LEAKY_RELU:
        y = select_less(z, 0.0, z * p0, z)
    elif activation == ACTIVATION_CLIPPED_RELU:
        y = select_less(z * -1.0, -p0, p0, z)
        y = select_less(z, p2, (z - p2) * p1 if p1 > 0.0 else z * 0.0, y)
    elif activation == ACTIVATION_ELU:
        y = select_less(z, 0.0, expm1_of_minus(z) * p0, z)
    elif activation == ACTIVATION_SELU:
        y = select_less(z, 0.0, expm1_of_minus(z) * SELU_ALPHA, z) * SELU_SCALE
    elif activation == ACTIVATION_SOFTPLUS:
        y = select_less(z, 0.0, 0.0, z) + log1p_of_fraction(exp_of_minus_magnitude(z))
    elif activation == ACTIVATION_SOFTSIGN:
        y = z / (select_less(z, 0.0, z * -1.0, z) + 1.0)
    elif activation == ACTIVATION_EXPONENTIAL:
        y = exp(z)
    elif activation == ACTIVATION_SILU:
        y = z * sigmoid(z)
    elif activation == ACTIVATION_GELU:
        y = z * normal_cdf(z)
    elif activation == ACTIVATION_GELU_TANH:
        y = z * sigmoid((z + z * z * z * GELU_TANH_CUBE) * (2.0 * GELU_TANH_SCALE))
    else:
        y = z * math.nan
    return y


@jit
def kept(code: Code, z: Vector, y: Vector) -> Vector:
    """What `through` wants: y = activation(z), or z where the derivative is of the input."""
    return z if _OF_INPUT >> code[0] & 1 else y


@jit
def of_kept(code: Code, known: Vector) -> Vector:
    """activation(z), from what is kept; those of the input stand in `_rarer`."""
    return _rarer(code, known) if _OF_INPUT >> code[0] & 1 else known


@jit
def through(code: Code, known: Vector, dy: Vector) -> Vector:
    """dy * activation'(z) in terms of `kept`; NaN for a code that has no branch here."""
    activation = code[0]
    if activation == ACTIVATION_LINEAR:
        dz = dy
    elif activation == ACTIVATION_SIGMOID:
        dz = dy * known * (1.0 - known)
    elif activation == ACTIVATION_TANH:
        dz = dy * (1.0 - known * known)
    elif activation == ACTIVATION_RELU:
        dz = select_less(known * -1.0, 0.0, dy, 0.0)
    elif activation == ACTIVATION_HARD_SIGMOID:
        dz = dy * gate_derivative(HARD_SIGMOID, _HARD, known)
    elif activation == ACTIVATION_HARD_SIGMOID_KERAS3:
        dz = dy * gate_derivative(HARD_SIGMOID, _HARD_KERAS3, known)
    else:
        dz = _through_rarer(code, known, dy)
    return dz


@jit
def _through_rarer(code: Code, known: Vector, dy: Vector) -> Vector:
    """`through` for the activations of `_rarer`."""
    not_inlined()
    activation, (p0, p1, _) = code
    if activation == ACTIVATION_LEAKY_RELU:
        dz = select_less(known * -1.0, 0.0, dy, dy * p0)
    elif activation == ACTIVATION_CLIPPED_RELU:
        dz = select_less(known * -1.0, 0.0, select_less(known, p0, dy, 0.0), dy * p1)
    elif activation == ACTIVATION_ELU:
        dz = select_less(known * -1.0, 0.0, dy, dy * (known + p0))
    elif activation == ACTIVATION_SELU:
        dz = dy * select_less(known * -1.0, 0.0, SELU_SCALE, known + SELU_SCALE * SELU_ALPHA)
    elif activation == ACTIVATION_SOFTPLUS:
        dz = dy * expm1_of_minus(known * -1.0) * -1.0
    elif activation == ACTIVATION_SOFTSIGN:
        slope = 1.0 - select_less(known, 0.0, known * -1.0, known)
        dz = dy * slope * slope
    elif activation == ACTIVATION_EXPONENTIAL:
        dz = dy * known
    elif activation == ACTIVATION_SILU:
        s = sigmoid(known)
        dz = dy * (s + known * s * (1.0 - s))
    elif activation == ACTIVATION_GELU:
        dz = dy * (normal_cdf(known) + known * normal_density(known))
    elif activation == ACTIVATION_GELU_TANH:
        s = sigmoid((known + known * known * known * GELU_TANH_CUBE) * (2.0 * GELU_TANH_SCALE))
        inner = (known * known * (3.0 * GELU_TANH_CUBE) + 1.0) * (2.0 * GELU_TANH_SCALE)
        dz = dy * (s + known * s * (1.0 - s) * inner)
    else:
        dz = dy * math.nan
    return dz


IMPLEMENTED = implemented(
    "ACTIVATION", ACTIVATIONS, (*activated.py_func.__code__.co_names, *_rarer.py_func.__code__.co_names)
)
"""The activations that have a branch above."""


def code_of(activation: Activation) -> Code:
    """What `activated` and `through` know an activation by. Raises ValueError: they have no branch for it."""
    taken_apart = parsed(activation)
    require("activation", taken_apart.name, IMPLEMENTED, "cpu")
    return taken_apart.entry.code, taken_apart.numbers


class ActivationOperation:
    """See kernels.activations.ActivationOperation. Raises ValueError: IMPLEMENTED lacks it."""

    def __init__(self, activation: Activation) -> None:
        self._code = code_of(activation)

    def forward(self, z: Array, y: Array) -> None:
        _forward(self._code, z.reshape(-1), y.reshape(-1))

    def backward(self, kept: Array, dy: Array, dz: Array) -> None:
        _backward(self._code, kept.reshape(-1), dy.reshape(-1), dz.reshape(-1))


@jit
def _forward(code: Code, z: Array, y: Array) -> None:
    """y = activation(z), flat; y may be z."""
    for here in range(0, z.size, lanes(z)):
        count = z.size - here
        store_first(y, here, activated(code, load_first(z, here, count)), count)


@jit
def _backward(code: Code, kept: Array, dy: Array, dz: Array) -> None:
    """dz = dy * activation'(z) in terms of what is kept, flat; dz may be dy."""
    for here in range(0, kept.size, lanes(kept)):
        count = kept.size - here
        store_first(dz, here, through(code, load_first(kept, here, count), load_first(dy, here, count)), count)
