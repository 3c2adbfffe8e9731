"""Conv3D on every back end."""

from typing import Any

import numpy as np
import pytest

from kernels import Conv3DSpec
from kernels.specs import Padding, convolution_length
from tests.kernels.directional import check_direction
from tests.kernels.under_test import Checker, random_array

Array = np.ndarray[Any, Any]

SPECS = [
    Conv3DSpec(T=1, B=1, H=4, W=5, C=1, K=1, kt=1, kh=1, kw=1),
    Conv3DSpec(T=4, B=2, H=5, W=7, C=3, K=2, kt=3, kh=3, kw=3),
    Conv3DSpec(T=4, B=1, H=7, W=5, C=3, K=1, kt=3, kh=1, kw=5, padding="causal"),
    Conv3DSpec(T=3, B=2, H=6, W=9, C=40, K=1, kt=3, kh=3, kw=3),
    Conv3DSpec(T=2, B=1, H=4, W=3, C=2, K=5, kt=4, kh=5, kw=3),
    Conv3DSpec(T=2, B=1, H=4, W=3, C=5, K=20, kt=5, kh=3, kw=3, padding="causal"),
    Conv3DSpec(T=3, B=2, H=5, W=7, C=3, K=4, kt=1, kh=3, kw=3, strides=(1, 2, 3)),
    Conv3DSpec(T=5, B=1, H=6, W=7, C=2, K=3, kt=2, kh=4, kw=2, strides=(2, 1, 2)),
    Conv3DSpec(T=4, B=2, H=7, W=6, C=2, K=3, kt=3, kh=3, kw=2, padding="valid", strides=(1, 2, 2)),
    Conv3DSpec(T=5, B=1, H=7, W=8, C=3, K=2, kt=2, kh=3, kw=3, dilation=(2, 2, 3)),
    Conv3DSpec(T=4, B=2, H=5, W=7, C=4, K=6, kt=2, kh=3, kw=2, padding="causal", dilation=(2, 1, 2), groups=2),
    Conv3DSpec(T=2, B=2, H=3, W=4, C=8, K=12, kt=1, kh=3, kw=3, groups=4),
    Conv3DSpec(T=3, B=1, H=5, W=4, C=2, K=3, kt=1, kh=1, kw=1, padding="valid"),
    Conv3DSpec(T=1, B=1, H=5, W=7, C=3, K=1, kt=1, kh=3, kw=3),
    Conv3DSpec(T=3, B=2, H=7, W=4, C=4, K=1, kt=1, kh=3, kw=5, padding="causal"),
    Conv3DSpec(T=4, B=2, H=3, W=5, C=8, K=2, kt=2, kh=1, kw=5),
    Conv3DSpec(T=3, B=1, H=5, W=4, C=40, K=3, kt=3, kh=3, kw=1, padding="causal"),
    Conv3DSpec(T=2, B=2, H=9, W=11, C=5, K=17, kt=1, kh=3, kw=3, padding="valid"),
    Conv3DSpec(T=2, B=1, H=12, W=14, C=9, K=10, kt=1, kh=3, kw=3, padding="valid"),
    Conv3DSpec(T=5, B=1, H=14, W=15, C=8, K=9, kt=2, kh=3, kw=1, padding="valid"),
    Conv3DSpec(T=2, B=2, H=8, W=9, C=3, K=90, kt=1, kh=3, kw=3, strides=(1, 2, 2)),
    Conv3DSpec(T=1, B=3, H=1, W=9, C=4, K=3, kt=1, kh=1, kw=3, padding="causal", dilation=(1, 1, 2), causal_axis=2),
    Conv3DSpec(T=1, B=37, H=1, W=1, C=19, K=6, kt=1, kh=1, kw=1),
    Conv3DSpec(T=2, B=2, H=5, W=4, C=3, K=2, kt=1, kh=1, kw=1, strides=(1, 2, 3)),
    Conv3DSpec(T=2, B=2, H=5, W=6, C=19, K=19, kt=1, kh=3, kw=3, groups=19),
    Conv3DSpec(T=2, B=1, H=6, W=7, C=3, K=9, kt=1, kh=3, kw=2, padding="valid", strides=(1, 2, 1), groups=3),
    Conv3DSpec(T=3, B=1, H=5, W=4, C=2, K=4, kt=2, kh=2, kw=3, dilation=(1, 2, 1), groups=2),
]


def spec_id(spec: Conv3DSpec) -> str:
    name = f"T{spec.T}B{spec.B}H{spec.H}W{spec.W}C{spec.C}K{spec.K}k{spec.kt}x{spec.kh}x{spec.kw}-{spec.padding}"
    return name + f"-s{spec.strides}d{spec.dilation}g{spec.groups}".replace(", ", "x")


def inputs(spec: Conv3DSpec) -> dict[str, Array]:
    return {
        "x": random_array(0, (spec.T, spec.B, spec.H, spec.W, spec.C)),
        "kernel": random_array(1, spec.kernel_shape),
        "bias": random_array(2, (spec.K,)),
    }


def run(checker: Checker, spec: Conv3DSpec) -> dict[str, Array]:
    backend = checker.backend
    arrays = {name: checker.device(array) for name, array in inputs(spec).items()}
    op = backend.conv3d(spec)
    y = backend.to_host(op.forward(*arrays.values()))
    dkernel, dbias = checker.garbage(arrays["kernel"].shape), checker.garbage((spec.K,))
    dx = op.backward(checker.device(random_array(9, y.shape)), arrays["x"], arrays["kernel"], dkernel, dbias)
    outputs = {"dx": dx, "dkernel": dkernel, "dbias": dbias}
    return {"y": y} | {name: backend.to_host(array) for name, array in outputs.items()}


def zeros_before(n: int, k: int, stride: int, dilation: int, padding: str) -> int:
    """TensorFlow's rule."""
    extent = (k - 1) * dilation + 1
    outputs = (n + stride - 1) // stride
    total = max((outputs - 1) * stride + extent - n, 0)
    return {"valid": 0, "same": total // 2, "causal": extent - 1}[padding]


def direct_sum(spec: Conv3DSpec, x: Array, kernel: Array, bias: Array) -> Array:
    """The definition, index by index."""
    sizes, taps = (spec.T, spec.H, spec.W), (spec.kt, spec.kh, spec.kw)
    across = "same" if spec.padding == "causal" else spec.padding
    paddings = [spec.padding if axis == spec.causal_axis else across for axis in range(3)]
    before = [zeros_before(*of) for of in zip(sizes, taps, spec.strides, spec.dilation, paddings, strict=True)]
    inner, outer = spec.C // spec.groups, spec.K // spec.groups
    y = np.zeros(spec.y_shape) + bias
    for place in np.ndindex(*spec.output_size):
        for tap in np.ndindex(*taps):
            source = [
                p * stride + k * dilation - zeros
                for p, k, stride, dilation, zeros in zip(place, tap, spec.strides, spec.dilation, before, strict=True)
            ]
            if all(0 <= at < size for at, size in zip(source, sizes, strict=True)):
                for n in range(spec.K):
                    seen = x[source[0], :, source[1], source[2], n // outer * inner : (n // outer + 1) * inner]
                    y[place[0], :, place[1], place[2], n] += seen @ kernel[tap][:, n]
    return y


@pytest.mark.parametrize(
    ("n", "k", "stride", "dilation", "padding", "length"),
    [(7, 3, 2, 1, "valid", 3), (8, 3, 2, 1, "same", 4), (7, 3, 1, 2, "valid", 3), (2, 3, 1, 1, "valid", 0),
     (7, 2, 3, 1, "causal", 3)],
)  # fmt: skip
def test_lengths_are_tensorflows(n: int, k: int, stride: int, dilation: int, padding: Padding, length: int) -> None:
    assert convolution_length(n, k, stride, dilation, padding) == length


@pytest.mark.parametrize(
    ("spec", "cropped"),
    [
        (Conv3DSpec(T=1, B=2, H=40, W=40, C=8, K=8, kt=1, kh=3, kw=3, padding="valid"), True),
        (Conv3DSpec(T=9, B=2, H=40, W=40, C=8, K=8, kt=2, kh=3, kw=5, padding="valid"), True),
        (Conv3DSpec(T=1, B=2, H=4, W=40, C=8, K=8, kt=1, kh=3, kw=3, padding="valid"), False),
        (Conv3DSpec(T=1, B=2, H=40, W=40, C=8, K=8, kt=1, kh=3, kw=3, padding="valid", strides=(1, 2, 1)), False),
        (Conv3DSpec(T=1, B=2, H=40, W=40, C=8, K=8, kt=1, kh=2, kw=3, padding="valid"), False),
        (Conv3DSpec(T=1, B=2, H=40, W=40, C=8, K=8, kt=1, kh=3, kw=3), False),
        (Conv3DSpec(T=1, B=2, H=2, W=2, C=8, K=8, kt=1, kh=3, kw=3, padding="valid"), False),
    ],
)
def test_which_convolution_is_part_of_a_dense_one(spec: Conv3DSpec, cropped: bool) -> None:
    assert (spec.around is not None) == cropped


@pytest.mark.parametrize("spec", SPECS, ids=spec_id)
def test_forward_is_the_definition(on: Checker, spec: Conv3DSpec) -> None:
    on.close(on.device(run(on, spec)["y"]), direct_sum(spec, *inputs(spec).values()), "y")


@pytest.mark.parametrize("spec", SPECS, ids=spec_id)
def test_backward_equals_the_oracle(on: Checker, spec: Conv3DSpec) -> None:
    actual = run(on, spec)
    for name, expected in run(Checker("reference-float64"), spec).items():
        on.close(on.device(actual[name]), expected, name)


@pytest.mark.parametrize("spec", [SPECS[3], SPECS[10]], ids=spec_id)
def test_repeats_bit_for_bit(on: Checker, spec: Conv3DSpec) -> None:
    first, again = run(on, spec), run(on, spec)
    for name, array in first.items():
        np.testing.assert_array_equal(again[name], array, err_msg=name)


@pytest.mark.parametrize("spec", [SPECS[1], SPECS[9]], ids=spec_id)
def test_dx_alone_is_the_same_dx(on: Checker, spec: Conv3DSpec) -> None:
    host = inputs(spec)
    x, kernel, dy = (on.device(array) for array in (host["x"], host["kernel"], random_array(9, spec.y_shape)))
    dx = on.backend.conv3d(spec).backward(dy, x, kernel, None, None)
    np.testing.assert_array_equal(on.backend.to_host(dx), run(on, spec)["dx"])


@pytest.mark.parametrize("spec", SPECS, ids=spec_id)
def test_backward_is_the_numeric_derivative(on_float64: Checker, spec: Conv3DSpec) -> None:
    host, results = inputs(spec), run(on_float64, spec)
    backend = on_float64.backend
    weighting = random_array(9, results["y"].shape)
    op = backend.conv3d(spec)
    for name in host:

        def loss(value: Array, name: str = name) -> float:
            arrays = {other: on_float64.device(array) for other, array in (host | {name: value}).items()}
            return float(np.vdot(weighting, backend.to_host(op.forward(*arrays.values()))))

        check_direction(loss, host[name], results[f"d{name}"], f"d{name}")


def test_a_causal_output_does_not_see_later_frames(on: Checker) -> None:
    spec = SPECS[2]
    host = inputs(spec)
    changed = host["x"].copy()
    changed[2:] += 1.0
    op = on.backend.conv3d(spec)
    outputs = []
    for x in (host["x"], changed):
        y = op.forward(on.device(x), on.device(host["kernel"]), on.device(host["bias"]))
        outputs.append(on.backend.to_host(y))
    np.testing.assert_array_equal(outputs[0][:2], outputs[1][:2])
    assert np.abs(outputs[0][2:] - outputs[1][2:]).max() > 0.1
