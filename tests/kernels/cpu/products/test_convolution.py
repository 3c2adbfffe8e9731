"""Winograd's transforms and the direct way: what they round, what they must not read, and that both are used."""

from typing import Any

import numpy as np
import pytest

from kernels.cpu import CpuBackend
from kernels.cpu.compile.vector import lanes_of
from kernels.cpu.products.geometry import geometry
from kernels.reference import ReferenceBackend
from kernels.specs import Conv3DSpec, ConvLSTMSpec

Array = np.ndarray[Any, Any]


def _random(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).standard_normal(shape)


def _convolution_error(convolution: Any, kh: int, kw: int) -> float:
    """Largest error of a float32 convolution of 40 channels, relative to the largest output in float64."""
    spec = Conv3DSpec(T=1, B=1, H=13, W=18, C=40, K=24, kt=1, kh=kh, kw=kw, training=False)
    x, kernel, bias = _random(0, 1, 1, 13, 18, 40), _random(1, 1, kh, kw, 40, 24), _random(2, 24)
    exact = ReferenceBackend(np.float64).conv3d(spec).forward(x, kernel, bias)
    backend = CpuBackend(np.float32, convolution=convolution)
    arrays = [a.astype(np.float32) for a in (x, kernel, bias)]
    y = backend.conv3d(spec).forward(*arrays)
    return float(np.abs(y - exact).max() / np.abs(exact).max())


@pytest.mark.parametrize(("kh", "kw"), [(1, 1), (3, 3), (5, 5), (3, 5), (5, 1), (1, 3)])
def test_winograd_stays_within_1e_5_of_float64(kh: int, kw: int) -> None:
    assert _convolution_error("auto", kh, kw) < (1e-5 if 5 in (kh, kw) else 5e-6)


@pytest.mark.parametrize(("kh", "kw"), [(1, 1), (3, 3), (5, 3), (7, 7)])
def test_the_direct_way_rounds_less(kh: int, kw: int) -> None:
    assert _convolution_error("direct", kh, kw) < 2e-6


def test_the_default_transforms_the_sizes_that_it_says() -> None:
    def cut(kh: int, kw: int, transform: bool) -> bool:
        return geometry(2, 2, 9, 9, kh, kw, 8, 32, lanes_of(4), transform).winograd

    assert all(cut(kh, kw, True) for kh in (1, 3, 5) for kw in (1, 3, 5))
    assert not cut(7, 3, True)
    assert not cut(3, 3, False)


@pytest.mark.parametrize("convolution", ["auto", "direct"])
@pytest.mark.parametrize(("kh", "kw"), [(3, 3), (5, 1), (7, 3)])
@pytest.mark.parametrize("recurrent_activation", ["hard_sigmoid", "sigmoid"])
def test_backpropagation_in_float64_equals_the_reference(
    convolution: Any, kh: int, kw: int, recurrent_activation: Any
) -> None:
    T, B, H, W, C, F = 3, 2, 7, 10, 3, 6
    spec = ConvLSTMSpec(T, B, H, W, C, F, kh, kw, recurrent_activation)
    x, dh = _random(0, T, B, H, W, C), _random(1, T, B, H, W, F)
    weights = [0.3 * _random(2, kh, kw, C, 4 * F), 0.3 * _random(3, kh, kw, F, 4 * F), _random(4, 4 * F)]
    results = []
    for backend in (ReferenceBackend(np.float64), CpuBackend(np.float64, convolution=convolution)):
        op = backend.conv_lstm(spec)
        h, c = (a.copy() for a in op.forward(x, *weights))
        gradients = [np.empty_like(w) for w in weights]
        results.append([h, c, *op.backward(dh, x, *weights[:2], *gradients), *gradients])
    for expected, actual in zip(*results, strict=True):
        assert np.abs(expected).max() > 0
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-10 * np.abs(expected).max())


@pytest.mark.parametrize("convolution", ["auto", "direct"])
def test_nan_in_one_pixel_reaches_only_what_sees_it(convolution: Any) -> None:
    spec = Conv3DSpec(T=1, B=2, H=12, W=12, C=3, K=2, kt=1, kh=3, kw=3, training=False)
    x, kernel, bias = (
        a.astype(np.float32) for a in (_random(0, 1, 2, 12, 12, 3), _random(1, 1, 3, 3, 3, 2), np.ones(2))
    )
    x[0, 0, 6, 6, 1] = np.nan
    backend = CpuBackend(np.float32, convolution=convolution)
    y = backend.conv3d(spec).forward(x, kernel, bias)
    assert np.isnan(y[0, 0, 5:8, 5:8]).all()
    assert np.isfinite(y[0, 1]).all()
    # A transformed tile is 4 x 4 outputs large and shares its inputs: NaN may fill it, but goes no further.
    assert np.isfinite(y[0, 0, :4]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dtype": np.int32}, "dtype: expected float32 or float64, got int32"),
        ({"threads": 0}, "threads: expected 1 to"),
        ({"threads": 10_000}, "threads: expected 1 to"),
        ({"convolution": "fft"}, "convolution: expected 'auto' or 'direct', got 'fft'"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        CpuBackend(**arguments)
