"""A Conv3D with few outputs reads its input once, where that moves less, and computes what gathering does."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.cuda.launches import Recorder
from engine import Conv3D, ConvLSTM2D, Sequential
from kernels.cuda import CudaBackend
from kernels.cuda.common.precision import operand_bytes
from kernels.cuda.conv3d.conv3d_few_outputs import has_few_outputs
from kernels.cuda.simulator import sim_backend
from kernels.cuda.simulator.runtime import SimRuntime
from kernels.specs import PRECISIONS, Conv3DSpec
from tests.kernels.cuda.layer_runs import random_arrays, run_conv3d

SPEC = Conv3DSpec(T=2, B=1, H=4, W=5, C=16, K=1, kt=3, kh=3, kw=3)

specs = st.builds(
    Conv3DSpec,
    T=st.integers(1, 20),
    B=st.integers(1, 16),
    H=st.integers(1, 64),
    W=st.integers(1, 64),
    C=st.integers(1, 200),
    K=st.integers(1, 200),
    kt=st.integers(1, 5),
    kh=st.sampled_from([1, 3, 5]),
    kw=st.sampled_from([1, 3, 5]),
)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(
    ("channels", "outputs", "kernel", "few"),
    [
        (40, 1, (3, 3, 3), True),
        (40, 4, (3, 3, 3), True),
        (40, 6, (3, 3, 3), False),
        (40, 40, (3, 3, 3), False),
        (256, 8, (3, 1, 1), True),
        (256, 9, (3, 1, 1), False),
        (1, 1, (3, 3, 3), False),
        (40, 1, (1, 1, 1), False),
    ],
)
def test_who_has_few_outputs(
    channels: int, outputs: int, kernel: tuple[int, int, int], few: bool, precision: str
) -> None:
    kt, kh, kw = kernel
    spec = Conv3DSpec(T=15, B=10, H=40, W=40, C=channels, K=outputs, kt=kt, kh=kh, kw=kw)
    assert has_few_outputs(spec, precision) == few


@given(spec=specs, precision=st.sampled_from(PRECISIONS))
def test_what_few_outputs_save(spec: Conv3DSpec, precision: str) -> None:
    """Less is moved forward, less is read backward, and what is held besides is bounded."""
    if has_few_outputs(spec, precision):
        taps, element = spec.kt * spec.kh * spec.kw, operand_bytes(precision)
        assert spec.C * element + 8 * taps * spec.K < taps * spec.C * element
        assert taps * spec.K + spec.C < taps * spec.C + spec.K
        assert taps * spec.K <= 4 * spec.C


def test_gathering_can_be_asked_for() -> None:
    backend, recorder = CudaBackend(runtime=SimRuntime(), products="gathered"), Recorder()
    with recorder.on(backend.runtime):
        recorder.recording = True
        gathered = run_conv3d(backend, SPEC)
    assert {launch.source.name for launch in recorder.launches} == {"conv3d_gathered.cu"}
    for name, array in run_conv3d(CudaBackend(runtime=SimRuntime()), SPEC).items():
        np.testing.assert_allclose(gathered[name], array, rtol=1e-5, atol=1e-5, err_msg=name)


def test_the_movie_is_read_by_one_kernel_each_way() -> None:
    runtime, recorder = SimRuntime(), Recorder()
    with recorder.on(runtime):
        recorder.recording = True
        run_conv3d(CudaBackend(runtime=runtime), SPEC)
    readers = [launch.kernel for launch in recorder.launches if "x" in launch.arguments]
    assert readers == ["tap_products", "kernel_gradient"]


def test_calls_allocate_nothing_and_plans_share_the_products() -> None:
    backend = sim_backend()
    host = random_arrays(0, {"x": SPEC.x_shape, "kernel": SPEC.kernel_shape, "bias": (1,), "dy": SPEC.y_shape})
    x, kernel, bias, dy = (backend.from_host(array) for array in host.values())
    dkernel, dbias = backend.empty(SPEC.kernel_shape), backend.empty((1,))
    with mock.patch.object(backend.runtime, "empty", wraps=backend.runtime.empty) as empty:
        operations = [backend.conv3d(SPEC) for _ in range(2)]
        made = [call.args[0] for call in empty.call_args_list]
        for op in operations:
            op.forward(x, kernel, bias)
            op.backward(dy, x, kernel, dkernel, dbias)
        assert empty.call_count == len(made)
    pixels = SPEC.T * SPEC.B * SPEC.H * SPEC.W
    assert made.count((27, pixels)) == 1 and made.count(SPEC.y_shape) == 2


def test_x_may_stand_in_two_bytes() -> None:
    """Bits are those from float32, which is rounded first."""
    backend = sim_backend("bfloat16")
    x = random_arrays(0, {"x": SPEC.x_shape})["x"]
    bits = (x.view(np.uint32) >> 16).astype(np.uint16)
    found = []
    for array, narrow in ((bits, True), ((bits.astype(np.uint32) << 16).view(np.float32), False)):
        host = random_arrays(1, {"kernel": SPEC.kernel_shape, "bias": (1,), "dy": SPEC.y_shape})
        kernel, bias, dy = (backend.from_host(other) for other in host.values())
        op = backend.conv3d(Conv3DSpec(**{**SPEC.__dict__, "narrow_x": narrow}))
        movie = backend.from_host(array, array.dtype)
        y = backend.to_host(op.forward(movie, kernel, bias)).copy()
        dkernel, dbias = backend.empty(SPEC.kernel_shape), backend.empty((1,))
        dx = backend.to_host(op.backward(dy, movie, kernel, dkernel, dbias))
        dx = (dx.astype(np.uint32) << 16).view(np.float32) if narrow else dx
        found.append([y, dx, backend.to_host(dkernel), backend.to_host(dbias)])
    for narrow_result, result in zip(*found, strict=True):
        np.testing.assert_array_equal(narrow_result, result)
        assert np.abs(result).max() > 0


@pytest.mark.parametrize("padding", ["same", "causal"])
def test_a_streamed_head_gives_the_same_frames(simulated_device: None, padding: str) -> None:
    movies = np.random.default_rng(0).random((2, 3, 4, 5, 1)).astype(np.float32)
    frames = []
    for device in ("cuda", "reference"):
        network = Sequential(device=device, seed=3)
        network.add(ConvLSTM2D(8, 3, padding="same", return_sequences=True))
        network.add(Conv3D(1, 3, activation="sigmoid", padding=padding))
        frames.append(network.rollout(movies, 3))
    np.testing.assert_allclose(frames[0], frames[1], rtol=1e-4)
