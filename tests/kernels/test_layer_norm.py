"""LayerNorm on every back end."""

from typing import Any

import numpy as np
import pytest

from kernels.specs import LayerNormSpec
from tests.kernels.directional import check_direction
from tests.kernels.under_test import Checker, random_array

Array = np.ndarray[Any, Any]

SPECS = [
    LayerNormSpec(T=1, B=1, H=4, W=5, C=2),
    LayerNormSpec(T=3, B=2, H=5, W=7, C=3, epsilon=1e-2),
    LayerNormSpec(T=2, B=3, H=4, W=6, C=40),
    LayerNormSpec(T=2, B=2, H=5, W=7, C=3, axes=3),
    LayerNormSpec(T=1, B=3, H=9, W=11, C=5, axes=2),
    LayerNormSpec(T=1, B=2, H=3, W=2, C=530),
]


def spec_id(spec: LayerNormSpec) -> str:
    return f"T{spec.T}B{spec.B}H{spec.H}W{spec.W}C{spec.C}axes{spec.axes}"


def inputs(spec: LayerNormSpec) -> dict[str, Array]:
    """x with a mean far from zero, where a careless variance loses digits."""
    return {
        "x": random_array(0, spec.shape) + 3.0,
        "gamma": random_array(1, spec.shape[5 - spec.axes :]) + 2.0,
        "beta": random_array(2, spec.shape[5 - spec.axes :]),
    }


def run(checker: Checker, spec: LayerNormSpec) -> dict[str, Array]:
    backend = checker.backend
    arrays = {name: checker.device(array) for name, array in inputs(spec).items()}
    op = backend.layer_norm(spec)
    results = {"y": backend.to_host(op.forward(*arrays.values()))}
    dgamma, dbeta = (checker.garbage(spec.shape[5 - spec.axes :]) for _ in range(2))
    dy = checker.device(random_array(9, spec.shape))
    dx = op.backward(dy, arrays["x"], arrays["gamma"], dgamma, dbeta)
    return results | {
        name: backend.to_host(array) for name, array in zip(("dx", "dgamma", "dbeta"), (dx, dgamma, dbeta), strict=True)
    }


@pytest.mark.parametrize("spec", SPECS, ids=spec_id)
def test_equals_the_oracle(on: Checker, spec: LayerNormSpec) -> None:
    actual = run(on, spec)
    for name, expected in run(Checker("reference-float64"), spec).items():
        on.close(on.device(actual[name]), expected, name)


@pytest.mark.parametrize("spec", SPECS, ids=spec_id)
def test_backward_is_the_numeric_derivative(on_float64: Checker, spec: LayerNormSpec) -> None:
    host, results = inputs(spec), run(on_float64, spec)
    backend = on_float64.backend
    weighting = random_array(9, spec.shape)
    op = backend.layer_norm(spec)
    for name in ("x", "gamma", "beta"):

        def loss(value: Array, name: str = name) -> float:
            arrays = {other: on_float64.device(array) for other, array in (host | {name: value}).items()}
            return float(np.vdot(weighting, backend.to_host(op.forward(*arrays.values()))))

        check_direction(loss, host[name], results[f"d{name}"], f"d{name}")


def test_repeats_bit_for_bit(on: Checker) -> None:
    first, again = run(on, SPECS[1]), run(on, SPECS[1])
    for name, array in first.items():
        np.testing.assert_array_equal(again[name], array, err_msg=name)


def test_a_constant_row_is_beta(on: Checker) -> None:
    spec = SPECS[0]
    host = inputs(spec)
    arrays = [on.device(array) for array in (np.full(spec.shape, 7.0), host["gamma"], host["beta"])]
    y = on.backend.to_host(on.backend.layer_norm(spec).forward(*arrays))
    np.testing.assert_allclose(y, np.broadcast_to(host["beta"], y.shape), atol=1e-5)
