"""What the back end refuses, and that the message names the argument, what was expected and what came."""

from typing import Any

import numpy as np
import pytest

from kernels.cuda import CudaBackend
from kernels.cuda.simulator import sim_backend
from kernels.specs import BatchNormSpec, Conv3DSpec, ConvLSTMSpec

SPEC = ConvLSTMSpec(T=2, B=1, H=3, W=4, C=2, F=3, kh=3, kw=3)


@pytest.fixture(scope="module")
def device() -> CudaBackend:
    return sim_backend()


def arguments(device: CudaBackend) -> dict[str, Any]:
    return {
        "x": device.zeros((2, 1, 3, 4, 2)),
        "kernel": device.zeros((3, 3, 2, 12)),
        "recurrent_kernel": device.zeros((3, 3, 3, 12)),
        "bias": device.zeros((12,)),
    }


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("x", np.zeros((2, 1, 3, 4, 2), np.float64), "x: expected dtype float32, got dtype float64"),
        ("x", np.zeros((2, 1, 4, 3, 4), np.float32)[..., ::2], "x: expected a C-contiguous array"),
        ("kernel", np.zeros((3, 3, 2, 13), np.float32), "kernel: expected 216 elements, got 234"),
        ("recurrent_kernel", [[0.0]], "recurrent_kernel: expected an array of simulator"),
        ("bias", None, "bias: expected an array, got None"),
    ],
    ids=["dtype", "strides", "size", "type", "none"],
)
def test_a_wrong_array_is_named(device: CudaBackend, name: str, wrong: Any, message: str) -> None:
    op = device.conv_lstm(SPEC)
    with pytest.raises(ValueError, match=message):
        op.forward(**{**arguments(device), name: wrong})


def test_backward_needs_a_spec_for_training(device: CudaBackend) -> None:
    def inference(spec: Any) -> Any:
        return type(spec)(**{**spec.__dict__, "training": False})

    a = arguments(device)
    lstm = device.conv_lstm(inference(SPEC))
    weights = (a["kernel"], a["recurrent_kernel"])
    with pytest.raises(ValueError, match="spec: expected training=True"):
        lstm.backward(device.zeros((2, 1, 3, 4, 3)), a["x"], *weights, *weights, a["bias"])
    conv = device.conv3d(inference(Conv3DSpec(1, 1, 2, 2, 1, 1, 1, 1, 1)))
    one = device.zeros((1, 1, 2, 2, 1))
    kernel, bias = device.zeros((1, 1, 1, 1, 1)), device.zeros((1,))
    with pytest.raises(ValueError, match="spec: expected training=True"):
        conv.backward(one, one, kernel, kernel, bias)
    norm = device.batch_norm(inference(BatchNormSpec(1, 1, 2, 2, 1)))
    with pytest.raises(ValueError, match="spec: expected training=True"):
        norm.forward(one, bias, bias, bias, bias, 0.9)


def test_step_needs_a_spec_of_one_frame(device: CudaBackend) -> None:
    a = arguments(device)
    op = device.conv_lstm(SPEC)
    state = device.zeros((1, 3, 4, 3))
    with pytest.raises(ValueError, match="spec: expected T=1, training=False"):
        op.step(a["x"][0], state, state, a["kernel"], a["recurrent_kernel"], a["bias"])


@pytest.mark.parametrize(
    ("rows", "batch", "message"),
    [
        ([0, 5], (3, 2, 2, 2, 1), "rows: expected 0 to 4, got 0 to 5"),
        ([-1, 0], (3, 2, 2, 2, 1), "rows: expected 0 to 4, got -1 to 0"),
        ([0, 1], (2, 3, 2, 2, 1), r"batch: expected \(T, B, ...\) of movies"),
    ],
)
def test_gather_refuses_rows_and_shapes(device: CudaBackend, rows: list[int], batch: Any, message: str) -> None:
    movies = device.zeros((5, 3, 2, 2, 1))
    with pytest.raises(ValueError, match=message):
        device.gather_batch(movies, np.array(rows), device.zeros(batch))


def test_precision_is_one_of_three() -> None:
    with pytest.raises(ValueError, match="precision: expected one of float32, tf32, bfloat16, got 'fp8'"):
        CudaBackend(precision="fp8")


@pytest.mark.parametrize("operation", ["conv_lstm", "conv3d", "batch_norm"])
def test_more_pixels_than_an_int_can_count(device: CudaBackend, operation: str) -> None:
    specs = {
        "conv_lstm": ConvLSTMSpec(T=1, B=2, H=2**15, W=2**15, C=1, F=1, kh=1, kw=1),
        "conv3d": Conv3DSpec(T=1, B=2, H=2**15, W=2**15, C=1, K=1, kt=1, kh=1, kw=1),
        "batch_norm": BatchNormSpec(T=1, B=2, H=2**15, W=2**15, C=1),
    }
    with pytest.raises(ValueError, match=r"spec: expected at most 2\*\*30 pixels \(T\*B\*H\*W\), got 2,147,483,648"):
        getattr(device, operation)(specs[operation])
