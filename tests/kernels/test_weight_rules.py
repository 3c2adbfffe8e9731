"""Penalties and norm constraints on every back end."""

import numpy as np
import pytest

from tests.kernels.under_test import Checker, random_array

SHAPE = (3, 2, 4, 5)


@pytest.mark.parametrize(("l1", "l2"), [(0.3, 0.0), (0.0, 0.7), (0.2, 0.1)])
def test_penalty_is_added_to_loss_and_gradient(on: Checker, l1: float, l2: float) -> None:
    weights, gradient = random_array(0, SHAPE), random_array(1, SHAPE)
    weights[0, 0, 0, 0] = 0.0
    loss, changed = on.backend.from_host(np.array([2.5]), np.float64), on.device(gradient)
    on.backend.add_penalty(on.device(weights), l1, l2, loss, changed)
    on.close(loss, np.array([2.5 + l1 * np.abs(weights).sum() + l2 * (weights**2).sum()]), "loss")
    on.close(changed, gradient + l1 * np.sign(weights) + 2 * l2 * weights, "gradient")
    again = on.backend.from_host(np.array([2.5]), np.float64)
    on.backend.add_penalty(on.device(weights), l1, l2, again, None)
    np.testing.assert_array_equal(on.backend.to_host(again), on.backend.to_host(loss))


@pytest.mark.parametrize("axes", [(0,), (3,), (0, 1, 2), (1, 3), (0, 1, 2, 3)])
@pytest.mark.parametrize(("low", "high", "rate"), [(0.0, 1.5, 1.0), (1.0, 1.0, 1.0), (2.0, 2.5, 0.3)])
def test_norms_come_to_lie_between_low_and_high(
    on: Checker, axes: tuple[int, ...], low: float, high: float, rate: float
) -> None:
    weights = random_array(0, SHAPE)
    norm = np.sqrt((weights**2).sum(axis=axes, keepdims=True))
    expected = weights * (rate * np.clip(norm, low, high) + (1 - rate) * norm) / (1e-7 + norm)
    assert np.abs(expected - weights).max() > 0.01
    constrained = on.device(weights)
    on.backend.constrain_norm(constrained, axes, low, high, rate)
    on.close(constrained, expected, "weights")


def test_a_norm_of_zero_stays_zero(on: Checker) -> None:
    weights = on.backend.zeros((2, 3))
    on.backend.constrain_norm(weights, (0,), 1.0, 1.0, 1.0)
    np.testing.assert_array_equal(on.backend.to_host(weights), np.zeros((2, 3)))
