"""Losses and metrics of rows on every back end: against their equations, against numeric derivatives, with weights."""

import numpy as np
import pytest

from kernels.losses import LossSpec
from kernels.row_losses import ROW_TERMS
from tests.kernels.directional import check_direction
from tests.kernels.formulas import slopes, terms
from tests.kernels.test_losses import name, run
from tests.kernels.under_test import Array, Checker, random_array

SHAPES = [(1, 1, 1, 1, 2), (3, 2, 5, 7, 3), (1, 3, 1, 1, 11)]


def specs() -> list[LossSpec]:
    """Every term of rows, of probabilities and of logits, with values of its parameter."""
    found = []
    for kind, term in ROW_TERMS.items():
        values = [0.0] if term.parameter is None else [0.0, 0.2]
        found += [LossSpec(kind, from_logits, value) for from_logits in (False, True) for value in values]
    return found


SPECS = specs()
WITH_GRADIENT = [spec for spec in SPECS if spec.has_gradient]


def data(spec: LossSpec, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Probabilities that do not quite sum to one, or logits; distributions, or classes."""
    logits = random_array(0, shape, 2.0)
    output = logits if spec.from_logits else np.random.default_rng(2).uniform(0.02, 0.98, shape)
    first = output.reshape(-1, shape[-1])[0]  # is predicted right, for a mean of zero would prove nothing
    if ROW_TERMS[spec.kind].classes:
        target = np.random.default_rng(1).integers(0, shape[-1], (*shape[:-1], 1)).astype(float)
        target.flat[0] = float(np.argmax(first))
        return output, target
    target = np.random.default_rng(1).dirichlet(np.ones(shape[-1]), shape[:-1])
    target.reshape(-1, shape[-1])[0] = np.exp(2 * first) / np.exp(2 * first).sum()
    return output, target


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("spec", SPECS, ids=name)
def test_the_mean_of_the_terms_and_their_slope(on: Checker, spec: LossSpec, shape: tuple[int, ...]) -> None:
    output, target = data(spec, shape)
    loss, gradient = run(on, spec, output, target, None, gradient=spec.has_gradient)
    on.close(loss, np.array([terms(spec, output, target).mean()]), "loss")
    if spec.has_gradient:
        rows = output.size // shape[-1]
        on.close(gradient, slopes(spec, output, target) * np.ones_like(output) / rows, "gradient")
        again, _ = run(on, spec, output, target, None, gradient=False)
        np.testing.assert_array_equal(on.backend.to_host(again), on.backend.to_host(loss))


@pytest.mark.parametrize("runs", [None, (3, 2, 1, 1, 1), (3, 2, 5, 7, 1)], ids=["unweighted", "frames", "pixels"])
@pytest.mark.parametrize("spec", WITH_GRADIENT, ids=name)
def test_gradients_are_the_numeric_ones(on_float64: Checker, spec: LossSpec, runs: tuple[int, ...] | None) -> None:
    output, target = data(spec, SHAPES[1])
    weights = None if runs is None else np.abs(random_array(5, runs))
    _, gradient = run(on_float64, spec, output, target, weights, gradient=True)

    def loss(at: Array) -> float:
        return float(on_float64.backend.to_host(run(on_float64, spec, at, target, weights, gradient=False)[0])[0])

    check_direction(loss, output, on_float64.backend.to_host(gradient), name(spec))


@pytest.mark.parametrize("runs", [(3, 2, 1, 1, 1), (3, 2, 5, 7, 1)], ids=["frames", "pixels"])
@pytest.mark.parametrize("spec", SPECS, ids=name)
def test_weights_multiply_the_terms_and_the_mean_is_over_all_rows(
    on: Checker, spec: LossSpec, runs: tuple[int, ...]
) -> None:
    output, target = data(spec, SHAPES[1])
    weights = np.abs(random_array(5, runs))
    loss, gradient = run(on, spec, output, target, weights, gradient=spec.has_gradient)
    on.close(loss, np.array([(terms(spec, output, target) * weights).mean()]), "loss")
    if spec.has_gradient:
        _, plain = run(on, spec, output, target, None, gradient=True)
        on.close(gradient, on.backend.to_host(plain).astype(np.float64) * weights, "gradient")


def test_saturated_logits_are_exact(on: Checker) -> None:
    logits = np.array([[[[[200.0, 0.0, -200.0]]]]])
    spec = LossSpec("sparse_categorical_crossentropy", from_logits=True)
    loss, gradient = run(on, spec, logits, np.array([[[[[2.0]]]]]), None, gradient=True)
    assert on.backend.to_host(loss)[0] == 400.0
    np.testing.assert_allclose(on.backend.to_host(gradient).ravel(), [1.0, 0.0, -1.0], atol=1e-30)


def test_a_prediction_that_is_clipped_has_no_gradient(on: Checker) -> None:
    p, y = np.array([[[[[0.0, 1.0, 0.0]]]]]), np.array([[[[[1.0, 0.0, 0.0]]]]])
    for spec, target in (
        (LossSpec("categorical_crossentropy"), y),
        (LossSpec("sparse_categorical_crossentropy"), np.zeros((1, 1, 1, 1, 1))),
    ):
        loss, gradient = run(on, spec, p, target, None, gradient=True)
        np.testing.assert_allclose(on.backend.to_host(loss), [-np.log(1e-7)], rtol=1e-6)
        assert not on.backend.to_host(gradient).any()


@pytest.mark.parametrize("spec", WITH_GRADIENT, ids=name)
def test_losses_repeat_bit_for_bit_and_show_nan(on: Checker, spec: LossSpec) -> None:
    output, target = data(spec, (5, 3, 10, 11, 3))
    first, second = (on.backend.to_host(run(on, spec, output, target, None, gradient=False)[0]) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    output[2, 1, 7, 7] = np.nan
    assert np.isnan(on.backend.to_host(run(on, spec, output, target, None, gradient=False)[0])[0])


def test_codes_are_unique() -> None:
    assert len({term.code for term in ROW_TERMS.values()}) == len(ROW_TERMS)
