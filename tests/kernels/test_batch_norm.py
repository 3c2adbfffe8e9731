"""BatchNorm on every back end."""

from typing import Any

import numpy as np
import pytest

from kernels import BatchNormSpec
from tests.kernels.directional import check_direction
from tests.kernels.under_test import Checker, random_array

Array = np.ndarray[Any, Any]

SPECS = [
    BatchNormSpec(T=1, B=1, H=4, W=5, C=1),
    BatchNormSpec(T=3, B=2, H=5, W=7, C=3, epsilon=1e-2),
    BatchNormSpec(T=2, B=1, H=6, W=9, C=40),
    BatchNormSpec(T=1, B=2, H=3, W=2, C=130),
]
MOMENTUM = 0.9


def spec_id(spec: BatchNormSpec) -> str:
    return f"T{spec.T}B{spec.B}H{spec.H}W{spec.W}C{spec.C}"


def inputs(spec: BatchNormSpec) -> dict[str, Array]:
    """x with a mean far from zero, where a careless variance loses digits."""
    return {
        "x": random_array(0, (spec.T, spec.B, spec.H, spec.W, spec.C)) + 3.0,
        "gamma": random_array(1, (spec.C,)) + 2.0,
        "beta": random_array(2, (spec.C,)),
        "moving_mean": random_array(3, (spec.C,)),
        "moving_variance": random_array(4, (spec.C,)) ** 2 + 0.1,
    }


def run(checker: Checker, spec: BatchNormSpec) -> dict[str, Array]:
    backend = checker.backend
    arrays = {name: checker.device(array) for name, array in inputs(spec).items()}
    op = backend.batch_norm(spec)
    inference = backend.batch_norm(BatchNormSpec(**{**spec.__dict__, "training": False}))
    results = {"inference": backend.to_host(inference.inference(*arrays.values()))}
    results["y"] = backend.to_host(op.forward(*arrays.values(), MOMENTUM))
    results["moving_mean"] = backend.to_host(arrays["moving_mean"])
    results["moving_variance"] = backend.to_host(arrays["moving_variance"])
    dgamma, dbeta = checker.garbage((spec.C,)), checker.garbage((spec.C,))
    dy = checker.device(random_array(9, results["y"].shape))
    dx = op.backward(dy, arrays["x"], arrays["gamma"], dgamma, dbeta)
    return results | {
        name: backend.to_host(array) for name, array in zip(("dx", "dgamma", "dbeta"), (dx, dgamma, dbeta), strict=True)
    }


@pytest.mark.parametrize("spec", SPECS, ids=spec_id)
def test_equals_the_oracle(on: Checker, spec: BatchNormSpec) -> None:
    actual = run(on, spec)
    for name, expected in run(Checker("reference-float64"), spec).items():
        on.close(on.device(actual[name]), expected, name)


def test_repeats_bit_for_bit(on: Checker) -> None:
    first, again = run(on, SPECS[1]), run(on, SPECS[1])
    for name, array in first.items():
        np.testing.assert_array_equal(again[name], array, err_msg=name)


def test_momentum_one_leaves_the_moving_statistics(on: Checker) -> None:
    spec = SPECS[1]
    arrays = {name: on.device(array) for name, array in inputs(spec).items()}
    before = on.backend.to_host(arrays["moving_mean"]), on.backend.to_host(arrays["moving_variance"])
    on.backend.batch_norm(spec).forward(*arrays.values(), 1.0)
    np.testing.assert_array_equal(on.backend.to_host(arrays["moving_mean"]), before[0])
    np.testing.assert_array_equal(on.backend.to_host(arrays["moving_variance"]), before[1])


@pytest.mark.parametrize("spec", SPECS, ids=spec_id)
def test_backward_is_the_numeric_derivative(on_float64: Checker, spec: BatchNormSpec) -> None:
    host, results = inputs(spec), run(on_float64, spec)
    backend = on_float64.backend
    weighting = random_array(9, results["y"].shape)
    op = backend.batch_norm(spec)
    for name in ("x", "gamma", "beta"):

        def loss(value: Array, name: str = name) -> float:
            arrays = {other: on_float64.device(array) for other, array in (host | {name: value}).items()}
            return float(np.vdot(weighting, backend.to_host(op.forward(*arrays.values(), 1.0))))

        check_direction(loss, host[name], results[f"d{name}"], f"d{name}")


def test_a_constant_channel_is_finite(on: Checker) -> None:
    spec = SPECS[0]
    arrays = {name: on.device(array) for name, array in (inputs(spec) | {"x": np.full((1, 1, 4, 5, 1), 7.0)}).items()}
    y = on.backend.to_host(on.backend.batch_norm(spec).forward(*arrays.values(), MOMENTUM))
    np.testing.assert_allclose(y, np.broadcast_to(inputs(spec)["beta"], y.shape), atol=1e-5)
