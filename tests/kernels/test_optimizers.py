"""Updates of weights, weight decay and gradient clipping on every back end, against their equations in float64."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from kernels.specs import ClipSpec
from kernels.updates import UPDATES, UpdateSpec
from tests.kernels import formulas
from tests.kernels.under_test import Array, Checker, random_array

SIZES = [1, 64, 1003]
STEPS = 5
RATES = [0.7, 0.7, 0.3, 0.0, 1.1]
"""Learning rates of the steps, which are read from the device's memory and so may change."""

OTHER_RATES = [0.8, 0.3, 0.6]
"""Of a rule that has several."""

NUMBERS = {"rho": 0.95, "epsilon": 1e-5, "momentum": 0.9, "beta_1": 0.8, "beta_2": 0.9}
"""A value for each hyperparameter."""


def gradient(step: int, size: int) -> Array:
    return random_array(10 + step, (size,), 10.0**-step)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("rule", UPDATES)
def test_every_rule_follows_its_formula(on: Checker, rule: str, size: int) -> None:
    spec = UpdateSpec(rule, {name: NUMBERS[name] for name in UPDATES[rule].hyperparameters})
    update = on.backend.update(spec)
    expected = [random_array(0, (size,)), *(np.zeros(size) for _ in spec.slots)]
    weights, *slots = [on.device(array) for array in expected]
    rate = on.backend.empty((len(UPDATES[rule].rates),))
    for step in range(STEPS):
        rates = [RATES[step], *OTHER_RATES[: rate.size - 1]]
        on.backend.copy_into(rate, np.array(rates))
        update(weights, on.device(gradient(step, size)), slots, rate)
        expected = formulas.update(spec, expected[0], gradient(step, size), expected[1:], rates)
    for name, array, value in zip(
        ["weights", *(slot.name for slot in spec.slots)], [weights, *slots], expected, strict=True
    ):
        on.close(array, value, name)


@pytest.mark.parametrize(
    ("match", "rule", "numbers"),
    [
        ("rule: expected one of adadelta, .*got 'downhill'", "downhill", {}),
        ("hyperparameters: momentum expects momentum, got none", "momentum", {}),
        ("hyperparameters: sgd expects none, got rho", "sgd", {"rho": 0.9}),
    ],
)
def test_a_spec_that_makes_no_rule_is_refused(match: str, rule: str, numbers: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=match):
        UpdateSpec(rule, numbers)


def test_weight_decay_leaves_out_what_is_not_marked(on: Checker) -> None:
    weights, marks = random_array(0, (130,)), np.repeat([1.0, 0.0], 65)
    on_device = on.device(weights)
    on.backend.decay_weights(on_device, on.device(marks), on.device(np.array([0.1])))
    on.close(on_device, np.where(marks > 0, 0.9 * weights, weights), "w")


BOUNDS = (0, 64, 128, 1003)
PARTS = [slice(start, stop) for start, stop in pairwise(BOUNDS)]


def clipped(on: Checker, by: Any, limit: float, gradients: Array) -> Any:
    array = on.device(gradients)
    on.backend.clip(ClipSpec(by, limit, BOUNDS))(array)
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
