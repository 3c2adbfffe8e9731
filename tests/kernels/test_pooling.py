"""Max pooling on every back end."""

from typing import Any

import numpy as np
import pytest

from kernels.specs import MaxPoolingSpec
from tests.kernels.directional import check_direction
from tests.kernels.under_test import Checker, random_array

Array = np.ndarray[Any, Any]

SPECS = [
    MaxPoolingSpec(T=1, B=1, H=4, W=5, C=1, window=(1, 1, 1), strides=(1, 1, 1)),
    MaxPoolingSpec(T=4, B=2, H=5, W=7, C=3, window=(2, 2, 2), strides=(2, 2, 2)),
    MaxPoolingSpec(T=4, B=2, H=5, W=7, C=3, window=(2, 2, 2), strides=(2, 2, 2), padding="same"),
    MaxPoolingSpec(T=1, B=2, H=6, W=5, C=20, window=(1, 3, 3), strides=(1, 2, 1), padding="same"),
    MaxPoolingSpec(T=5, B=1, H=4, W=6, C=17, window=(3, 1, 2), strides=(1, 1, 3)),
    MaxPoolingSpec(T=3, B=1, H=5, W=4, C=2, window=(1, 2, 1), strides=(2, 3, 2)),
    MaxPoolingSpec(T=2, B=2, H=2, W=3, C=33, window=(4, 5, 2), strides=(1, 2, 2), padding="same"),
    MaxPoolingSpec(T=3, B=2, H=6, W=5, C=35, window=(3, 6, 5), strides=(3, 6, 5)),
    MaxPoolingSpec(T=1, B=1, H=1, W=90, C=1, window=(1, 1, 70), strides=(1, 1, 20), padding="same"),
]


def spec_id(spec: MaxPoolingSpec) -> str:
    sizes = "x".join(map(str, spec.x_shape))
    return f"{sizes}-{spec.window}s{spec.strides}-{spec.padding}".replace(", ", "x")


def before(n: int, k: int, stride: int, padding: str) -> tuple[int, int]:
    """TensorFlow's rule: how many outputs, and how much padding before."""
    if padding == "valid":
        return (n - k) // stride + 1, 0
    outputs = (n + stride - 1) // stride
    return outputs, max((outputs - 1) * stride + k - n, 0) // 2


def first_largest(spec: MaxPoolingSpec, x: Array, dy: Array | None = None) -> tuple[Array, Array]:
    """The definition, window by window; and dx for dy."""
    axes = [
        before(n, k, s, spec.padding)
        for n, k, s in zip(x.shape[:1] + x.shape[2:4], spec.window, spec.strides, strict=True)
    ]
    y, dx = np.zeros((axes[0][0], spec.B, axes[1][0], axes[2][0], spec.C)), np.zeros_like(x)
    for t, b, v, u, c in np.ndindex(*y.shape):
        best = None
        for tap in np.ndindex(*spec.window):
            q = [p * s + k - z[1] for p, s, k, z in zip((t, v, u), spec.strides, tap, axes, strict=True)]
            if all(0 <= at < n for at, n in zip(q, (spec.T, spec.H, spec.W), strict=True)):
                place = q[0], b, q[1], q[2], c
                best = place if best is None or x[place] > x[best] else best
        assert best is not None
        y[t, b, v, u, c] = x[best]
        if dy is not None:
            dx[best] += dy[t, b, v, u, c]
    return y, dx


@pytest.mark.parametrize("spec", SPECS, ids=spec_id)
def test_forward_and_backward_are_the_definition(on: Checker, spec: MaxPoolingSpec) -> None:
    x, dy = random_array(0, spec.x_shape), random_array(1, spec.y_shape)
    y, dx = first_largest(spec, x, dy)
    op = on.backend.max_pooling(spec)
    on.close(op.forward(on.device(x)), y, "y")
    on.close(op.backward(on.device(dy)), dx, "dx")


@pytest.mark.parametrize("spec", SPECS[1:], ids=spec_id)
def test_of_equal_numbers_the_first_gets_the_gradient(on: Checker, spec: MaxPoolingSpec) -> None:
    x, dy = np.round(random_array(0, spec.x_shape, 0.5)), random_array(1, spec.y_shape)
    _, dx = first_largest(spec, x, dy)
    op = on.backend.max_pooling(spec)
    op.forward(on.device(x))
    on.close(op.backward(on.device(dy)), dx, "dx")


@pytest.mark.parametrize("spec", SPECS, ids=spec_id)
def test_backward_is_the_numeric_derivative(on_float64: Checker, spec: MaxPoolingSpec) -> None:
    backend, dy = on_float64.backend, random_array(1, spec.y_shape)
    op = backend.max_pooling(spec)
    x = random_array(0, spec.x_shape)
    op.forward(on_float64.device(x))
    dx = backend.to_host(op.backward(on_float64.device(dy)))

    def loss(x: Array) -> float:
        return float(np.vdot(dy, backend.to_host(op.forward(on_float64.device(x)))))

    check_direction(loss, x, dx, "dx")


def test_without_training_there_is_the_same_output(on: Checker) -> None:
    spec = MaxPoolingSpec(**{**vars(SPECS[3]), "training": False})
    x = random_array(0, spec.x_shape)
    on.close(on.backend.max_pooling(spec).forward(on.device(x)), first_largest(spec, x)[0], "y")


def test_a_window_has_a_largest_size() -> None:
    with pytest.raises(ValueError, match=r"window: expected at most 2\*\*24 positions, got 20,000,000"):
        MaxPoolingSpec(T=2000, B=1, H=100, W=100, C=1, window=(2000, 100, 100), strides=(1, 1, 1))
