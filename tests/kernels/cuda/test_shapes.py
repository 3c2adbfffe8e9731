"""No shape falls through: sizes on both sides of every edge of the tiles, in both precisions.

Gates are logistic here: a hard sigmoid's derivative jumps where it clips, so that rounding alone can move its gradient
(test_precision.py).
"""

import pytest

from kernels.cuda import CudaBackend
from kernels.specs import GRADIENT_ERROR, BatchNormSpec, Conv3DSpec, ConvLSTMSpec
from tests.kernels.cuda.layer_runs import errors, oracle, run_batch_norm, run_conv3d, run_conv_lstm

CONV_LSTM = {
    "one pixel": ConvLSTMSpec(T=1, B=1, H=1, W=1, C=1, F=1, kh=1, kw=1),
    "kernel larger than the frame": ConvLSTMSpec(T=2, B=1, H=2, W=3, C=2, F=3, kh=5, kw=7),
    "one row": ConvLSTMSpec(T=2, B=3, H=1, W=11, C=4, F=2, kh=3, kw=1),
    "129 pixels: one more than a block": ConvLSTMSpec(T=2, B=1, H=43, W=3, C=1, F=4, kh=3, kw=3),
    "9 column tiles on two warps": ConvLSTMSpec(T=2, B=2, H=4, W=5, C=5, F=17, kh=1, kw=3),
    "41 filters: two column blocks": ConvLSTMSpec(T=1, B=1, H=5, W=4, C=3, F=41, kh=1, kw=1),
    "many channels in": ConvLSTMSpec(T=2, B=1, H=3, W=4, C=168, F=4, kh=1, kw=1),
    "three rows of tiles in the gradient": ConvLSTMSpec(T=2, B=1, H=5, W=6, C=32, F=8, kh=3, kw=3),
}

CONV3D = {
    "one pixel": Conv3DSpec(T=1, B=1, H=1, W=1, C=1, K=1, kt=1, kh=1, kw=1),
    "kernel longer than the movie": Conv3DSpec(T=2, B=1, H=3, W=4, C=2, K=3, kt=5, kh=3, kw=3),
    "even depth": Conv3DSpec(T=4, B=2, H=3, W=5, C=4, K=2, kt=2, kh=1, kw=3),
    "even depth, causal": Conv3DSpec(T=3, B=2, H=5, W=3, C=3, K=5, kt=4, kh=3, kw=1, padding="causal"),
    "the example's head": Conv3DSpec(T=3, B=2, H=6, W=5, C=40, K=1, kt=3, kh=3, kw=3),
    "two column blocks": Conv3DSpec(T=2, B=1, H=3, W=3, C=1, K=161, kt=1, kh=3, kw=3, padding="causal"),
    "few outputs, T=1": Conv3DSpec(T=1, B=1, H=3, W=7, C=8, K=1, kt=3, kh=3, kw=3),
    "few outputs, 17 column tiles": Conv3DSpec(T=2, B=1, H=5, W=4, C=40, K=5, kt=3, kh=3, kw=3),
    "few outputs, channels one by one": Conv3DSpec(T=2, B=2, H=11, W=3, C=70, K=1, kt=2, kh=3, kw=5, padding="causal"),
    "few outputs, all copied together": Conv3DSpec(T=3, B=1, H=3, W=4, C=64, K=8, kt=3, kh=3, kw=3),
}

BATCH_NORM = {
    "one channel": BatchNormSpec(T=2, B=1, H=5, W=7, C=1),
    "one pixel": BatchNormSpec(T=2, B=1, H=1, W=1, C=3),
    "odd rows a block": BatchNormSpec(T=3, B=2, H=7, W=9, C=40),
    "as many channels as threads": BatchNormSpec(T=1, B=1, H=5, W=2, C=256),
    "two channel blocks": BatchNormSpec(T=1, B=2, H=5, W=3, C=259),
}


def named(specs: dict) -> dict:
    return {"argvalues": specs.values(), "ids": specs.keys()}


@pytest.mark.parametrize("with_state", [False, True], ids=["zero state", "given state"])
@pytest.mark.parametrize("spec", **named(CONV_LSTM))
def test_conv_lstm(backend: CudaBackend, spec: ConvLSTMSpec, with_state: bool) -> None:
    logistic = ConvLSTMSpec(**{**spec.__dict__, "recurrent_activation": "sigmoid"})
    found = errors(run_conv_lstm(backend, logistic, with_state), run_conv_lstm(oracle(), logistic, with_state))
    assert max(found.values()) < GRADIENT_ERROR[backend.precision], found


@pytest.mark.parametrize("spec", **named(CONV3D))
def test_conv3d(backend: CudaBackend, spec: Conv3DSpec) -> None:
    found = errors(run_conv3d(backend, spec), run_conv3d(oracle(), spec))
    assert max(found.values()) < GRADIENT_ERROR[backend.precision], found


@pytest.mark.parametrize("spec", **named(BATCH_NORM))
def test_batch_norm(backend: CudaBackend, spec: BatchNormSpec) -> None:
    found = errors(run_batch_norm(backend, spec), run_batch_norm(oracle(), spec))
    assert max(found.values()) < GRADIENT_ERROR["float32"], found
