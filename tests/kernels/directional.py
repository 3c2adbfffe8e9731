"""Gradient checks along one random direction, in float64.

For a scalar function L and a direction r, (L(w + e r) - L(w - e r)) / 2e must equal <dL/dw, r>. One direction sees
every element, at the cost of two forward passes (the way Chainer checks its functions). No component of r is small, and
their signs are the gradient's, so that no two errors cancel.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def check_direction(
    function: Callable[[Array], float], at: Array, gradient: Array, what: str, tolerance: float = 1e-6
) -> None:
    """Assert that `gradient` is the derivative of `function` at `at`; relative error at most `tolerance`."""
    assert np.isfinite(gradient).all(), f"{what}: gradient is not finite"
    assert np.abs(gradient).max() > 0, f"{what}: gradient is all zero"
    direction = np.random.default_rng(7).uniform(0.5, 1.0, at.shape) * np.where(gradient < 0, -1.0, 1.0)
    direction /= np.linalg.norm(direction)
    step = 1e-5
    numeric = (function(at + step * direction) - function(at - step * direction)) / (2 * step)
    analytic = float(np.vdot(gradient, direction))
    error = abs(numeric - analytic) / abs(analytic)
    assert error <= tolerance, f"{what}: numeric {numeric:.12g}, analytic {analytic:.12g}, relative error {error:.1e}"
