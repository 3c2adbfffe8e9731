"""What each precision promises: float32 within 1e-5 of float64, tf32 2e-3, bfloat16 2e-2, relative in norm."""

import numpy as np
import pytest

from kernels.activations import HARD_SIGMOID_SLOPE
from kernels.cuda import CudaBackend
from kernels.cuda.simulator import sim_backend
from kernels.specs import GRADIENT_ERROR, Conv3DSpec, ConvLSTMSpec
from tests.kernels.cuda.layer_runs import errors, oracle, run_conv3d, run_conv_lstm

EXAMPLE = ConvLSTMSpec(T=2, B=1, H=7, W=11, C=40, F=40, kh=3, kw=3, recurrent_activation="sigmoid")
HEAD = Conv3DSpec(T=3, B=1, H=7, W=11, C=40, K=8, kt=3, kh=3, kw=3)


def test_conv_lstm_keeps_its_promise(backend: CudaBackend) -> None:
    found = errors(run_conv_lstm(backend, EXAMPLE), run_conv_lstm(oracle(), EXAMPLE))
    assert max(found.values()) < GRADIENT_ERROR[backend.precision], found


def test_conv3d_keeps_its_promise(backend: CudaBackend) -> None:
    found = errors(run_conv3d(backend, HEAD), run_conv3d(oracle(), HEAD))
    assert max(found.values()) < GRADIENT_ERROR[backend.precision], found


@pytest.mark.parametrize(("precision", "of_rounding"), [("tf32", 2.0**-11), ("bfloat16", 2.0**-8)])
def test_factors_are_rounded_to_nearest(precision: str, of_rounding: float) -> None:
    """Truncated factors would make every sum too small; rounded ones err both ways."""
    spec = Conv3DSpec(T=1, B=1, H=12, W=12, C=16, K=8, kt=1, kh=3, kw=3)
    x, kernel = (np.random.default_rng(0).random(shape) for shape in ((1, 1, 12, 12, 16), (1, 3, 3, 16, 8)))
    outputs = []
    for backend in (sim_backend(precision), oracle()):
        arrays = [backend.from_host(a.astype(np.float32)) for a in (x, kernel, np.zeros(8))]
        outputs.append(backend.to_host(backend.conv3d(spec).forward(*arrays)).astype(np.float64))
    bias = np.mean(outputs[0] / outputs[1]) - 1.0
    assert abs(bias) < 0.1 * of_rounding, f"the sums are {bias:.1e} off on average"
    spread = np.abs(outputs[0] / outputs[1] - 1.0).max()
    assert spread > 0.01 * of_rounding, "nothing was rounded: these are not tensor cores"


@pytest.mark.parametrize("activation", ["hard_sigmoid", "hard_sigmoid_keras3"])
def test_hard_gates_away_from_their_corners(backend: CudaBackend, activation: str) -> None:
    """Linear and saturated gates keep the promise as logistic ones do.

    At a corner the derivative jumps: a gate that rounding moves across it changes its gradient as a whole, which no
    rounding bound covers. So here every gate is far inside (bias 0) or far outside (bias 8, -8).
    """
    spec = ConvLSTMSpec(T=3, B=2, H=7, W=5, C=6, F=12, kh=3, kw=3, recurrent_activation=activation)
    bias = np.random.default_rng(1).choice([-8.0, 0.0, 8.0], 4 * spec.F)
    runs = [run_conv_lstm(b, spec, weight_scale=0.25, bias=bias) for b in (backend, oracle())]
    found = errors(*runs)
    assert max(found.values()) < GRADIENT_ERROR[backend.precision], found


@pytest.mark.parametrize("activation", ["hard_sigmoid", "hard_sigmoid_keras3"])
def test_a_gate_that_is_just_open_keeps_its_derivative(backend: CudaBackend, activation: str) -> None:
    """0.9985 rounds to 1 in bfloat16: its derivative must not be read off a gate that was rounded so."""
    spec = ConvLSTMSpec(T=1, B=1, H=3, W=5, C=1, F=4, kh=1, kw=1, recurrent_activation=activation)
    corner, state = 0.5 / HARD_SIGMOID_SLOPE[activation], (spec.B, spec.H, spec.W, spec.F)
    # The bias is a bfloat16 below the corner; the recurrent term, added in float32, comes nearer than the next one.
    host = {
        "x": np.zeros((1, 1, 3, 5, 1)),
        "kernel": np.zeros((1, 1, 1, 16)),
        "recurrent_kernel": np.full((1, 1, 4, 16), 2.0**-9),
        "bias": np.repeat([corner - 2.0**-6, corner - 2.0**-6, 0.5, corner - 2.0**-6], spec.F),
    }
    found = []
    for device in (backend, oracle()):
        x, *weights = (device.from_host(array) for array in host.values())
        h0, c0, dh = (device.from_host(np.ones(shape)) for shape in (state, state, (1, *state)))
        op, gradients = device.conv_lstm(spec), [device.empty(weight.shape) for weight in weights]
        op.forward(x, *weights, h0, c0)
        op.backward(dh, x, *weights[:2], *gradients, h0, c0)
        found.append(device.to_host(gradients[-1]))
    assert np.abs(found[1]).min() > 0
    np.testing.assert_allclose(found[0], found[1], rtol=GRADIENT_ERROR[backend.precision])


SATURATED_ERROR = {"float32": 1e-5, "tf32": 2e-3, "bfloat16": 2e-2}
"""Largest error of each number, not only of the norm."""


@pytest.mark.parametrize("argument", [-9.0, 6.0, 9.0, 12.0])
def test_a_gate_that_is_nearly_open_keeps_the_digits_of_its_derivative(backend: CudaBackend, argument: float) -> None:
    """logistic(9) rounds to 1 in float16 and in bfloat16, and has three digits less in 1 - a in float32."""
    spec = ConvLSTMSpec(T=1, B=1, H=3, W=5, C=1, F=4, kh=1, kw=1, recurrent_activation="sigmoid")
    state, found = (spec.B, spec.H, spec.W, spec.F), []
    for device in (backend, oracle()):
        bias = device.from_host(np.repeat([argument, argument, 0.5, argument], spec.F))
        x, kernel, recurrent = (device.zeros(shape) for shape in ((1, 1, 3, 5, 1), (1, 1, 1, 16), (1, 1, 4, 16)))
        c0, dh = (device.from_host(np.ones(shape)) for shape in (state, (1, *state)))
        op, gradients = device.conv_lstm(spec), [device.empty(w.shape) for w in (kernel, recurrent, bias)]
        op.forward(x, kernel, recurrent, bias, None, c0)
        op.backward(dh, x, kernel, recurrent, *gradients, None, c0)
        found.append(device.to_host(gradients[-1]))
    assert np.abs(found[1]).min() > 0
    np.testing.assert_allclose(found[0], found[1], rtol=SATURATED_ERROR[backend.precision])
