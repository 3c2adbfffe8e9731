"""Bits do not depend on the run or the order of blocks and warps; sums do not know the device."""

import numpy as np
import pytest

from kernels.cuda import CudaBackend
from kernels.cuda.conv3d.conv3d_few_outputs import FewOutputsTiles
from kernels.cuda.conv_lstm.few_inputs import few_inputs_tile
from kernels.cuda.conv_lstm.gathered import conv_lstm_defines
from kernels.cuda.products.tiles import gradient_tile
from kernels.cuda.simulator import sim_backend
from kernels.losses import LossSpec
from kernels.specs import BatchNormSpec, Conv3DSpec, ConvLSTMSpec
from tests.kernels.cuda.layer_runs import Results, run_batch_norm, run_conv3d, run_conv_lstm

CONV_LSTM = ConvLSTMSpec(T=2, B=3, H=9, W=13, C=3, F=6, kh=3, kw=3)
CONV3D = Conv3DSpec(T=2, B=3, H=9, W=13, C=6, K=2, kt=3, kh=3, kw=3)
FEW_OUTPUTS = Conv3DSpec(T=2, B=3, H=9, W=13, C=16, K=2, kt=3, kh=3, kw=3)
BATCH_NORM = BatchNormSpec(T=2, B=3, H=9, W=13, C=6)


def losses(backend: CudaBackend) -> Results:
    generator = np.random.default_rng(0)
    logits, target = (backend.from_host(generator.standard_normal(5003)) for _ in range(2))
    gradient, loss = backend.empty((5003,)), backend.empty((1,), np.float64)
    spec = LossSpec("binary_crossentropy", from_logits=True)
    backend.loss(spec)(logits, target, None, loss, gradient)
    return {"loss": backend.to_host(loss), "gradient": backend.to_host(gradient)}


def everything(backend: CudaBackend) -> Results:
    runs = {
        "conv_lstm": run_conv_lstm(backend, CONV_LSTM),
        "conv3d": run_conv3d(backend, CONV3D),
        "conv3d, few outputs": run_conv3d(backend, FEW_OUTPUTS),
        "batch_norm": run_batch_norm(backend, BATCH_NORM),
        "losses": losses(backend),
    }
    return {f"{run} {name}": array for run, results in runs.items() for name, array in results.items()}


@pytest.mark.parametrize("precision", ["float32", "tf32"])
def test_the_order_of_blocks_does_not_matter(precision: str) -> None:
    first = everything(sim_backend(precision, checked=False, seed=1))
    for seed in (1, 2, 3):
        again = everything(sim_backend(precision, checked=False, seed=seed))
        for name, array in first.items():
            np.testing.assert_array_equal(again[name], array, err_msg=f"{name}, order {seed}")


def test_the_sums_here_are_split() -> None:
    """Else the test above would prove nothing about the second stage."""
    pixels = CONV_LSTM.T * CONV_LSTM.B * CONV_LSTM.H * CONV_LSTM.W
    slices, _ = gradient_tile(CONV_LSTM.kh * CONV_LSTM.kw * CONV_LSTM.F, 4 * CONV_LSTM.F).slices(pixels)
    few_inputs = few_inputs_tile(CONV_LSTM, "tf32")
    assert slices > 10 and few_inputs.slices(few_inputs.patches(CONV_LSTM.T))[0] > 10
    assert FewOutputsTiles(FEW_OUTPUTS, "tf32").kernel_gradient.slices(pixels)[0] > 10


def test_slices_do_not_depend_on_the_device() -> None:
    tile = gradient_tile(361, 160)
    slices, chunks = tile.slices(240_000)
    assert slices * chunks * 32 >= 240_000
    assert tile.slices(240_000) == gradient_tile(361, 160).slices(240_000)


def test_constants_do_not_name_the_frame() -> None:
    """Another frame size, batch or length runs the program that is compiled already."""
    other = ConvLSTMSpec(**{**CONV_LSTM.__dict__, "T": 7, "B": 1, "H": 40, "W": 31})
    assert conv_lstm_defines(CONV_LSTM, "tf32") == conv_lstm_defines(other, "tf32")
