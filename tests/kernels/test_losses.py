"""Losses and metrics on every back end: against their equations, against numeric derivatives, with weights."""

from typing import Any

import numpy as np
import pytest

from kernels.losses import TERMS, LossSpec
from tests.kernels.directional import check_direction
from tests.kernels.formulas import slopes, terms
from tests.kernels.under_test import Array, Checker, random_array

SHAPES = [(1, 1, 1, 1, 1), (3, 2, 5, 7, 1), (2, 3, 4, 5, 3)]

LOGITS = LossSpec("binary_crossentropy", from_logits=True)


def specs() -> list[LossSpec]:
    """Every term of the table, of predictions and of logits, with values of its parameter."""
    found = []
    for kind, term in TERMS.items():
        values = {None: [0.0], "label_smoothing": [0.0, 0.2]}.get(term.parameter, [0.4])
        found += [LossSpec(kind, from_logits, value) for from_logits in (False, True) for value in values]
    return found


WITH_GRADIENT = [spec for spec in specs() if spec.has_gradient]
WITHOUT = [spec for spec in specs() if not spec.has_gradient]


def name(spec: LossSpec) -> str:
    return f"{spec.kind}{'-logits' if spec.from_logits else ''}{f'-{spec.parameter}' if spec.parameter else ''}"


def data(spec: LossSpec, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Outputs that fit the loss, and targets from 0 to 1 many of them 0 or 1 (for accuracy all)."""
    probabilities = spec.kind in {"binary_crossentropy", "poisson"} and not spec.from_logits
    output = random_array(0, shape, 1.0 if probabilities else 2.0)
    output = 1 / (1 + np.exp(-output)) if probabilities else output
    target = np.clip(random_array(1, shape) + 0.5, 0, 1)
    return output, (target > 0.3).astype(float) if spec.kind == "binary_accuracy" else target


def run(on: Checker, spec: LossSpec, output: Array, target: Array, weights: Array | None, gradient: bool) -> Any:
    loss, doutput = on.backend.zeros((1,), np.float64), on.garbage(output.shape) if gradient else None
    given = on.device(output), on.device(target), on.device(weights)
    on.backend.loss(spec)(*given, loss, doutput)
    return loss, doutput


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("spec", [*WITH_GRADIENT, *WITHOUT], ids=name)
def test_the_mean_of_the_terms(on: Checker, spec: LossSpec, shape: tuple[int, ...]) -> None:
    output, target = data(spec, shape)
    if shape == SHAPES[0] and spec.kind == "binary_accuracy":
        target[...] = terms(spec, output, np.ones(shape))  # right, for a mean of zero would prove nothing
    loss, _ = run(on, spec, output, target, None, gradient=False)
    on.close(loss, np.array([terms(spec, output, target).mean()]), "loss")
    if spec.has_gradient:
        again, _ = run(on, spec, output, target, None, gradient=True)
        np.testing.assert_array_equal(on.backend.to_host(again), on.backend.to_host(loss))


@pytest.mark.parametrize("spec", [spec for spec in WITH_GRADIENT if not spec.from_logits], ids=name)
def test_the_slope_is_the_table_s(on: Checker, spec: LossSpec) -> None:
    output, target = data(spec, (3, 2, 5, 7, 3))
    _, gradient = run(on, spec, output, target, None, gradient=True)
    on.close(gradient, slopes(spec, output, target) / output.size, "gradient")


def test_codes_are_unique() -> None:
    assert len({term.code for term in TERMS.values()}) == len(TERMS)


@pytest.mark.parametrize("runs", [None, (3, 2, 1, 1, 1), (3, 2, 5, 7, 1)], ids=["unweighted", "frames", "pixels"])
@pytest.mark.parametrize("spec", WITH_GRADIENT, ids=name)
def test_gradients_are_the_numeric_ones(on_float64: Checker, spec: LossSpec, runs: tuple[int, ...] | None) -> None:
    output, target = data(spec, (3, 2, 5, 7, 3))
    weights = None if runs is None else np.abs(random_array(5, runs))
    _, gradient = run(on_float64, spec, output, target, weights, gradient=True)

    def loss(at: Array) -> float:
        return float(on_float64.backend.to_host(run(on_float64, spec, at, target, weights, gradient=False)[0])[0])

    check_direction(loss, output, on_float64.backend.to_host(gradient), name(spec))


@pytest.mark.parametrize("runs", [(3, 2, 1, 1, 1), (3, 2, 5, 7, 1)], ids=["frames", "pixels"])
@pytest.mark.parametrize("spec", [*WITH_GRADIENT, *WITHOUT], ids=name)
def test_weights_multiply_the_terms_and_the_mean_is_over_all_elements(
    on: Checker, spec: LossSpec, runs: tuple[int, ...]
) -> None:
    output, target = data(spec, (3, 2, 5, 7, 3))
    weights = np.abs(random_array(5, runs))
    loss, gradient = run(on, spec, output, target, weights, gradient=spec.has_gradient)
    on.close(loss, np.array([(terms(spec, output, target) * weights).mean()]), "loss")
    if spec.has_gradient:
        _, plain = run(on, spec, output, target, None, gradient=True)
        on.close(gradient, on.backend.to_host(plain).astype(np.float64) * weights, "gradient")


def test_binary_crossentropy_of_saturated_logits_is_exact(on: Checker) -> None:
    logits, target = np.array([[[[[200.0], [-200.0]]]]]), np.array([[[[[0.0], [0.0]]]]])
    loss, gradient = run(on, LOGITS, logits, target, None, gradient=True)
    assert on.backend.to_host(loss)[0] == 100.0
    np.testing.assert_allclose(on.backend.to_host(gradient).ravel(), [0.5, 0.0], atol=1e-30)


def test_probabilities_are_clipped_and_have_no_gradient_there(on: Checker) -> None:
    p, y = np.array([[[[[0.0], [1.0], [-3.0], [0.25]]]]]), np.array([[[[[1.0], [0.0], [0.0], [1.0]]]]])
    loss, gradient = run(on, LossSpec("binary_crossentropy"), p, y, None, gradient=True)
    one = on.backend.dtype.type(1)
    far = -np.log(one - on.backend.dtype.type(1 - 1e-7))  # 1 - 1e-7 is 1 - 1.19e-7 in float32
    expected = (-np.log(1e-7) + far - np.log(0.25)) / 4
    np.testing.assert_allclose(on.backend.to_host(loss), [expected], rtol=2e-6)
    np.testing.assert_allclose(on.backend.to_host(gradient).ravel(), [0, 0, 0, -1.0], rtol=1e-6)


def test_losses_repeat_bit_for_bit_and_show_nan(on: Checker) -> None:
    shape = (5, 3, 20, 21, 1)
    for spec in (LOGITS, LossSpec("huber", parameter=1.0), LossSpec("binary_crossentropy")):
        output, target = data(spec, shape)
        first, second = (on.backend.to_host(run(on, spec, output, target, None, gradient=False)[0]) for _ in range(2))
        np.testing.assert_array_equal(first, second)
        output[2, 1, 7, 7, 0] = np.nan
        assert np.isnan(on.backend.to_host(run(on, spec, output, target, None, gradient=False)[0])[0])
