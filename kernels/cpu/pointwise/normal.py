"""The normal distribution on vectors, which gelu is made of.

    exp(x^2) erfc(x) = sum over n of c_n T_n(s)    0 <= x <= 6, s the place of 2 / (2 + x) between 1/4 and 1 as -1 .. 1
    Phi(z)           = exp(-z^2/2) (exp(x^2) erfc(x)) / 2, or 1 minus that where z > 0         x = |z| / sqrt(2)

The Chebyshev coefficients are computed here, from the erfc of Python; beyond x = 6 the series is held at its end, and
what it multiplies is below 2.4e-16. Largest absolute error of Phi over a dense sweep (test_nonlinearities.py): 2e-7 in
float32 and 2e-15 in float64.
"""

import math
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev

from kernels.cpu.compile.jit import jit
from kernels.cpu.compile.vector import Vector, select_less
from kernels.cpu.pointwise.nonlinearities import exp_of_minus_magnitude

_FARTHEST = 6.0
_DEGREE = 18
"""Coefficients beyond it are rounding."""


def _scaled_erfc(places: Any) -> Any:
    x = 2.0 / (0.625 + 0.375 * places) - 2.0
    return np.array([math.exp(each * each) * math.erfc(each) for each in x])


_COEFFICIENTS = tuple(float(c) for c in chebyshev.chebinterpolate(_scaled_erfc, _DEGREE))
_INVERSE_ROOT = 1.0 / math.sqrt(2.0 * math.pi)


@jit
def bell(z: Vector) -> Vector:
    """exp(-z^2 / 2)."""
    return exp_of_minus_magnitude(z * z * 0.5)


@jit
def normal_cdf(z: Vector) -> Vector:
    """Phi(z), the share of a normal distribution below z."""
    x = select_less(z, 0.0, z * -1.0, z) * math.sqrt(0.5)
    x = select_less(x * -1.0, -_FARTHEST, _FARTHEST, x)
    twice = ((2.0 / (x + 2.0)) * (1.0 / 0.375) - 0.625 / 0.375) * 2.0
    after = x * 0.0
    now = after + _COEFFICIENTS[_DEGREE]
    for n in range(_DEGREE - 1, 0, -1):
        now, after = twice * now - after + _COEFFICIENTS[n], now
    tail = bell(z) * (twice * 0.5 * now - after + _COEFFICIENTS[0]) * 0.5
    return select_less(z, 0.0, tail, 1.0 - tail)


@jit
def normal_density(z: Vector) -> Vector:
    """Phi'(z)."""
    return bell(z) * _INVERSE_ROOT
