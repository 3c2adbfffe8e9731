"""tanh, the sigmoids and their derivatives on vectors.

    exp(r) - 1  = r + r^2/2! + ... + r^n/n!        |r| <= ln(2)/2; n = 7 in float32, 13 in float64: below half an ulp
    expm1(y)    = 2^k (exp(r) - 1) + (2^k - 1)     y = k ln(2) + r
    tanh|x|     = expm1(2|x|) / (expm1(2|x|) + 2)
    sigmoid(x)  = 1 / (1 + e) for x >= 0, e / (1 + e) for x < 0, where e = exp(-|x|) = 1 + expm1(-|x|)
    log1p(e)    = 2 atanh(s) = 2 (s + s^3/3 + s^5/5 + ...)     s = e / (2 + e) <= 1/3 for 0 <= e <= 1

Largest absolute error of tanh and sigmoid over a dense sweep (test_nonlinearities.py): 1e-7 in
float32 and 4e-16 in float64. NaN stays NaN.
"""

import math
from typing import Any

from numba import types
from numba.extending import overload

from kernels.activations import HARD_SIGMOID_SLOPE, Activation
from kernels.cpu.compile.exponents import power_of_two, round_to_integer
from kernels.cpu.compile.jit import jit
from kernels.cpu.compile.vector import Vector, VectorType, select_less
from kernels.tables import require

HARD_SIGMOID = 0
SIGMOID = 1

_LOG2_E = 1.0 / math.log(2.0)

_ATANH_TERMS = 17
"""(1/3)^(2n) / (2n + 1) at n = 17 is 2e-18: enough for float64."""


def _split_log2(kept_bits: int) -> tuple[float, float]:
    """ln(2) as a high part whose product with a small whole number is exact, and the rest."""
    high = math.floor(math.log(2.0) * 2.0**kept_bits) / 2.0**kept_bits
    # The second constant needs digits beyond float64's: ln(2) = log(2.0) + 2.3190468138462996e-17.
    return high, (math.log(2.0) - high) + 2.3190468138462996e-17


_LOG2_FLOAT32 = _split_log2(15)
_LOG2_FLOAT64 = _split_log2(40)
_INVERSE_FACTORIALS = tuple(1.0 / math.factorial(n) for n in range(14))


def _expm1_of_reduced(r: Vector) -> Vector:
    raise NotImplementedError("compiled code only")


def _reduce(y: Vector, k: Vector) -> Vector:
    raise NotImplementedError("compiled code only")


@overload(_reduce, inline="always")
def _reduce_overload(y: Any, k: Any) -> Any:
    """y - k ln(2)."""
    if not isinstance(y, VectorType):
        return None
    high, low = _LOG2_FLOAT32 if y.element == types.float32 else _LOG2_FLOAT64

    def reduce(y: Vector, k: Vector) -> Vector:
        return (y - k * high) - k * low

    return reduce


@overload(_expm1_of_reduced, inline="always")
def _expm1_of_reduced_overload(r: Any) -> Any:
    """exp(r) - 1 for |r| <= ln(2)/2."""
    if not isinstance(r, VectorType):
        return None
    (c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13) = _INVERSE_FACTORIALS[2:]

    def short(r: Vector) -> Vector:
        p = (((((r * c7 + c6) * r + c5) * r + c4) * r + c3) * r + c2) * r
        return p * r + r

    def long(r: Vector) -> Vector:
        p = (((((r * c13 + c12) * r + c11) * r + c10) * r + c9) * r + c8) * r + c7
        p = (((((p * r + c6) * r + c5) * r + c4) * r + c3) * r + c2) * r
        return p * r + r

    return short if r.element == types.float32 else long


@jit
def tanh(x: Vector) -> Vector:
    """tanh(x); beyond |x| = 20 it is 1 in either precision."""
    y = select_less(x, 0.0, x * -2.0, x + x)
    y = select_less(y * -1.0, -40.0, 40.0, y)
    k = round_to_integer(y * _LOG2_E)
    scale = power_of_two(k)
    t = scale * _expm1_of_reduced(_reduce(y, k)) + (scale - 1.0)
    magnitude = t / (t + 2.0)
    return select_less(x, 0.0, magnitude * -1.0, magnitude)


@jit
def exp_of_minus_magnitude(x: Vector) -> Vector:
    """exp(-|x|), at least about 1e-37."""
    y = select_less(x, 0.0, x, x * -1.0)
    y = select_less(y, -85.0, -85.0, y)
    k = round_to_integer(y * _LOG2_E)
    scale = power_of_two(k)
    return scale * _expm1_of_reduced(_reduce(y, k)) + scale


@jit
def expm1_of_minus(x: Vector) -> Vector:
    """exp(min(x, 0)) - 1, exact near 0; below -85 it is -1."""
    y = select_less(x, 0.0, x, x * 0.0)
    y = select_less(y, -85.0, -85.0, y)
    k = round_to_integer(y * _LOG2_E)
    scale = power_of_two(k)
    return scale * _expm1_of_reduced(_reduce(y, k)) + (scale - 1.0)


def exp(x: Vector) -> Vector:
    """exp(x), at least about 1e-37; infinite where it is too large."""
    raise NotImplementedError("compiled code only")


@overload(exp, inline="always")
def _exp_overload(x: Any) -> Any:
    if not isinstance(x, VectorType):
        return None
    most = 89.0 if x.element == types.float32 else 710.0  # exp of it is infinite

    def overflowing(x: Vector) -> Vector:
        y = select_less(x, -85.0, -85.0, x)
        y = select_less(y * -1.0, -most, most, y)
        k = round_to_integer(y * _LOG2_E)
        half = power_of_two(k - 1.0)  # k itself may be one more than exponents go
        return (half * _expm1_of_reduced(_reduce(y, k)) + half) * 2.0

    return overflowing


@jit
def sigmoid(x: Vector) -> Vector:
    """1 / (1 + exp(-x))."""
    e = exp_of_minus_magnitude(x)
    return select_less(x, 0.0, e, e * 0.0 + 1.0) / (e + 1.0)


@jit
def log1p_of_fraction(e: Vector) -> Vector:
    """log(1 + e) for 0 <= e <= 1."""
    s = e / (e + 2.0)
    square = s * s
    series = square * 0.0 + 1.0 / (2 * _ATANH_TERMS - 1)
    for n in range(_ATANH_TERMS - 2, -1, -1):
        series = series * square + 1.0 / (2 * n + 1)
    return s * series * 2.0


@jit
def gate(kind: int, slope: float, z: Vector) -> Vector:
    """sigma(z): sigmoid, or hard sigmoid clip(slope * z + 1/2, 0, 1)."""
    if kind == SIGMOID:
        return sigmoid(z)
    a = z * slope + 0.5
    a = select_less(a, 0.0, 0.0, a)
    return select_less(a * -1.0, -1.0, 1.0, a)


@jit
def gate_derivative(kind: int, slope: float, a: Vector) -> Vector:
    """sigma'(z) in terms of a = sigma(z); the hard sigmoid has none at its two corners, and gives 0 there."""
    if kind == SIGMOID:
        return a * (1.0 - a)
    inside = select_less(a * -1.0, 0.0, slope, 0.0)
    return select_less(a, 1.0, inside, 0.0)


def gate_of(activation: Activation) -> tuple[int, float]:
    """A gate's name -> the arguments (kind, slope) of `gate`. Raises ValueError: it is none of `gate`'s."""
    require("recurrent_activation", activation, ("sigmoid", *HARD_SIGMOID_SLOPE), "cpu")
    return (SIGMOID, 0.0) if activation == "sigmoid" else (HARD_SIGMOID, HARD_SIGMOID_SLOPE[activation])
