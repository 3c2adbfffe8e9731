"""The vector functions against long double, over a dense sweep, and at the values that break such functions."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kernels.activations import Activation
from kernels.cpu import CpuBackend
from kernels.cpu.compile.jit import jit
from kernels.cpu.compile.vector import lanes, load_first, store_first
from kernels.cpu.pointwise.nonlinearities import exp, gate, gate_of
from kernels.cpu.pointwise.normal import normal_cdf

Array = np.ndarray[Any, Any]

LARGEST_ERROR = {np.float32: 1e-7, np.float64: 4e-16}
"""Absolute, as nonlinearities.py promises it."""

LARGEST_ERROR_OF_NORMAL = {np.float32: 2e-7, np.float64: 2e-15}
"""Absolute, as normal.py promises it."""


def _sweep(dtype: Any) -> Array:
    small = np.logspace(-30, 0, 20001)
    return np.concatenate([np.linspace(-30, 30, 400003), small, -small, [0.0, -0.0, 1e30, -1e30]]).astype(dtype)


def _exact_sigmoid(x: Array) -> Array:
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "exact"), [("tanh", np.tanh), ("sigmoid", _exact_sigmoid)])
def test_the_largest_error_is_as_stated(dtype: Any, name: Activation, exact: Callable[[Array], Array]) -> None:
    x = _sweep(dtype)
    y = np.empty_like(x)
    CpuBackend(dtype).activation(name).forward(x, y)
    error = np.abs(y.astype(np.longdouble) - exact(x.astype(np.longdouble))).max()
    assert error <= LARGEST_ERROR[dtype]


@jit
def _cdf(z: Array, y: Array) -> None:
    for i in range(0, z.size, lanes(z)):
        store_first(y, i, normal_cdf(load_first(z, i, z.size - i)), z.size - i)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_normal_distribution_is_as_close_and_its_tail_is_too(dtype: Any) -> None:
    x = np.linspace(-12, 12, 40003).astype(dtype)
    y = np.empty_like(x)
    _cdf(x, y)
    exact = np.array([0.5 * math.erfc(-float(each) * math.sqrt(0.5)) for each in x])
    assert np.abs(y - exact).max() <= LARGEST_ERROR_OF_NORMAL[dtype]
    tail = (x > -8) & (x < 0)
    np.testing.assert_allclose(y[tail], exact[tail], rtol=1e-5 if dtype is np.float32 else 2e-14)


@jit
def _exp(z: Array, y: Array) -> None:
    for i in range(0, z.size, lanes(z)):
        store_first(y, i, exp(load_first(z, i, z.size - i)), z.size - i)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exp_goes_as_far_as_numbers_do(dtype: Any) -> None:
    most = math.log(float(np.finfo(dtype).max))
    x = np.concatenate([np.linspace(-84.9, most * 0.9999, 40003), [0.0, most * 1.01, np.inf]]).astype(dtype)
    y = np.empty_like(x)
    _exp(x, y)
    with np.errstate(over="ignore"):
        exact = np.exp(x.astype(np.longdouble)).astype(dtype)
    np.testing.assert_allclose(y, exact, rtol=4 * np.finfo(dtype).eps)
    assert np.isinf(y[-2:]).all() and np.isfinite(y[:-2]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tanh_is_odd_and_exact_at_its_ends(dtype: Any) -> None:
    x = np.array([0.0, 1e-30, 0.3, 1.0, 15.0, 100.0, np.inf], dtype)
    y, minus_y = np.empty_like(x), np.empty_like(x)
    backend = CpuBackend(dtype)
    backend.activation("tanh").forward(x, y)
    backend.activation("tanh").forward(-x, minus_y)
    np.testing.assert_array_equal(minus_y, -y)
    assert y[0] == 0.0
    assert y[-1] == y[-2] == 1.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["tanh", "sigmoid", "relu"])
def test_nan_stays_nan(dtype: Any, name: Activation) -> None:
    x = np.array([1.0, np.nan, -1.0], dtype)
    y = np.empty_like(x)
    CpuBackend(dtype).activation(name).forward(x, y)
    assert np.isnan(y).tolist() == [False, True, False]


@jit
def _gates(kind: int, slope: float, z: Array, a: Array) -> None:
    for i in range(0, z.size, lanes(z)):
        store_first(a, i, gate(kind, slope, load_first(z, i, z.size - i)), z.size - i)


@pytest.mark.parametrize("activation", ["hard_sigmoid", "hard_sigmoid_keras3", "sigmoid"])
def test_a_gate_passes_nan_on_and_stays_between_0_and_1(activation: str) -> None:
    z = np.array([np.nan, -np.inf, -1e30, -2.5, 0.0, 2.5, 3.0, 1e30, np.inf], np.float32)
    a = np.empty_like(z)
    _gates(*gate_of(activation), z, a)
    assert np.isnan(a[0])
    assert ((a[1:] >= 0) & (a[1:] <= 1)).all()
    assert a[1] == a[2] < 1e-36
    assert a[4] == 0.5
    assert a[-1] == a[-2] == 1.0
