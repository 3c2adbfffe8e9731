"""The vector functions against long double, over a dense sweep, and at the values that break such functions."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kernels.activations import Activation
from kernels.cpu import CpuBackend
from kernels.cpu.compile.jit import jit
from kernels.cpu.compile.vector import lanes, load_first, store_first
from kernels.cpu.pointwise.nonlinearities import gate, gate_of

Array = np.ndarray[Any, Any]

LARGEST_ERROR = {np.float32: 1e-7, np.float64: 4e-16}
"""Absolute, as nonlinearities.py promises it."""


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
