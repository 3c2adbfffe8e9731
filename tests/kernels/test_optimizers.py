"""Updates of weights, weight decay and gradient clipping on every back end, against their equations in float64."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from kernels import Backend
from kernels.specs import ClipSpec
from tests.kernels.under_test import Array, Checker, random_array

SIZES = [1, 64, 1003]
STEPS = 5
RATES = [0.7, 0.7, 0.3, 0.0, 1.1]
"""Learning rates of the steps, which are read from the device's memory and so may change."""

Update = Callable[[Backend, list[Any], Any, Any], None]
Equations = Callable[[list[Array], Array, float], None]


def gradient(step: int, size: int) -> Array:
    return random_array(10 + step, (size,), 10.0**-step)


def follows(on: Checker, size: int, slots: int, update: Update, equations: Equations) -> None:
    """Both do the steps, each in its own arrays [weights, slots...]; `equations` changes float64 arrays in place."""
    expected = [random_array(0, (size,)), *(np.zeros(size) for _ in range(slots))]
    arrays = [on.device(array) for array in expected]
    rate = on.backend.empty((1,))
    for step in range(STEPS):
        on.backend.copy_into(rate, np.array([RATES[step]]))
        update(on.backend, arrays, on.device(gradient(step, size)), rate)
        equations(expected, gradient(step, size), RATES[step])
    for number, (array, value) in enumerate(zip(arrays, expected, strict=True)):
        on.close(array, value, f"array {number}")


@pytest.mark.parametrize("size", SIZES)
def test_adadelta(on: Checker, size: int) -> None:
    rho, epsilon = 0.95, 1e-7

    def equations(arrays: list[Array], g: Array, rate: float) -> None:
        weights, squares, deltas = arrays
        squares[...] = rho * squares + (1 - rho) * g**2
        u = g * np.sqrt(deltas + epsilon) / np.sqrt(squares + epsilon)
        weights -= rate * u
        deltas[...] = rho * deltas + (1 - rho) * u**2

    follows(on, size, 2, lambda b, a, g, rate: b.adadelta_update(a[0], g, a[1], a[2], rate, rho, epsilon), equations)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_with_momentum(on: Checker, size: int, nesterov: bool) -> None:
    def equations(arrays: list[Array], g: Array, rate: float) -> None:
        weights, velocity = arrays
        velocity[...] = 0.9 * velocity - rate * g
        weights += 0.9 * velocity - rate * g if nesterov else velocity

    follows(on, size, 1, lambda b, a, g, rate: b.sgd_update(a[0], g, a[1], rate, 0.9, nesterov), equations)


def test_sgd_without_momentum(on: Checker) -> None:
    def equations(arrays: list[Array], g: Array, rate: float) -> None:
        arrays[0] -= rate * g

    follows(on, 77, 0, lambda b, a, g, rate: b.sgd_update(a[0], g, None, rate, 0.0, False), equations)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("amsgrad", [False, True])
def test_adam(on: Checker, size: int, amsgrad: bool) -> None:
    beta_1, beta_2, epsilon = 0.8, 0.9, 1e-5

    def equations(arrays: list[Array], g: Array, rate: float) -> None:
        weights, mean, square, *largest = arrays
        mean[...] = beta_1 * mean + (1 - beta_1) * g
        square[...] = beta_2 * square + (1 - beta_2) * g**2
        for array in largest:
            array[...] = np.maximum(array, square)
        weights -= rate * mean / (np.sqrt(largest[0] if largest else square) + epsilon)

    def update(b: Backend, a: list[Any], g: Any, rate: Any) -> None:
        b.adam_update(a[0], g, a[1], a[2], a[3] if amsgrad else None, rate, beta_1, beta_2, epsilon)

    follows(on, size, 3 if amsgrad else 2, update, equations)


def test_weight_decay_leaves_out_what_is_not_marked(on: Checker) -> None:
    weights, marks = random_array(0, (130,)), np.repeat([1.0, 0.0], 65)
    on_device = on.device(weights)
    on.backend.decay_weights(on_device, on.device(marks), on.device(np.array([0.1])))
    on.close(on_device, np.where(marks > 0, 0.9 * weights, weights), "w")


BOUNDS = (0, 64, 128, 1003)
PARTS = [slice(start, stop) for start, stop in pairwise(BOUNDS)]


def clipped(on: Checker, by: Any, limit: float, gradients: Array) -> Any:
    array = on.device(gradients)
    on.backend.clip_gradients(on.backend.clip_plan(ClipSpec(by, limit, BOUNDS)), array)
    return array


def gradients() -> Array:
    """The middle part is short: its norm is below every limit here."""
    g = random_array(3, (1003,))
    g[PARTS[1]] *= 0.01
    return g


def test_clipping_by_value(on: Checker) -> None:
    on.close(clipped(on, "value", 0.5, gradients()), np.clip(gradients(), -0.5, 0.5), "g")


def test_clipping_each_part_by_its_norm(on: Checker) -> None:
    expected = gradients()
    for part in PARTS:
        expected[part] *= 2.0 / max(np.linalg.norm(expected[part]), 2.0)
    actual = clipped(on, "norm", 2.0, gradients())
    on.close(actual, expected, "g")
    untouched = on.backend.to_host(on.device(gradients()))[PARTS[1]]
    np.testing.assert_array_equal(on.backend.to_host(actual)[PARTS[1]], untouched)


def test_clipping_by_the_norm_of_all(on: Checker) -> None:
    expected = gradients() * 2.0 / np.linalg.norm(gradients())
    on.close(clipped(on, "global_norm", 2.0, gradients()), expected, "g")
    untouched = clipped(on, "global_norm", 1e6, gradients())
    np.testing.assert_array_equal(on.backend.to_host(untouched), on.backend.to_host(on.device(gradients())))


def test_clipping_repeats_bit_for_bit_and_shows_nan(on: Checker) -> None:
    for by in ("norm", "global_norm"):
        first, second = (on.backend.to_host(clipped(on, by, 2.0, gradients())) for _ in range(2))
        np.testing.assert_array_equal(first, second)
    poisoned = gradients()
    poisoned[70] = np.nan
    seen = {by: np.isnan(on.backend.to_host(clipped(on, by, 2.0, poisoned))) for by in ("value", "norm", "global_norm")}
    assert seen["value"].sum() == 1 and seen["value"][70]
    assert seen["norm"][PARTS[1]].all() and seen["norm"].sum() == 64
    assert seen["global_norm"].all()
