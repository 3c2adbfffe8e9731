"""What the simulator computes for warps, tensor cores and asynchronous copies, against NumPy."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kernels.cuda.launch import Program
from tests.cuda_sim.runtime import SimRuntime

HERE = Path(__file__).parent
Array = np.ndarray[Any, Any]


@pytest.fixture(params=[True, False], ids=["checked", "unchecked"])
def runtime(request: pytest.FixtureRequest) -> SimRuntime:
    return SimRuntime(checked=request.param, sm_count=8)


def run(runtime: SimRuntime, name: str, outputs: dict[str, Array], block: int = 32, **arguments: Any) -> None:
    program = Program(runtime, "emulation.cu", {}, HERE)
    arrays = {key: value for key, value in arguments.items() if isinstance(value, np.ndarray)} | outputs
    kernel = program.kernel(name, {key: value.shape for key, value in arrays.items()})
    kernel((1,), (block,), shared_bytes=2048, **(arguments | outputs))


def random(runtime: SimRuntime, *shape: int, seed: int = 0) -> Array:
    return runtime.from_host(np.random.default_rng([seed, *shape]).standard_normal(shape), np.float32)


def tf32(x: Array) -> Array:
    """Nearest with 10 bits of mantissa, ties away from zero, by arithmetic on the value."""
    mantissa, exponent = np.frexp(x.astype(np.float64))
    scaled = mantissa * 2.0**11
    return np.ldexp(np.sign(scaled) * np.floor(np.abs(scaled) + 0.5), exponent - 11)


def bf16(x: Array) -> Array:
    """Nearest with 7 bits of mantissa, ties to even."""
    mantissa, exponent = np.frexp(x.astype(np.float64))
    return np.ldexp(np.rint(mantissa * 2.0**8), exponent - 8)


@pytest.mark.parametrize(
    ("name", "depth", "rounded"),
    [
        ("multiply_tf32", 8, tf32),
        ("multiply_tf32_ldmatrix", 8, tf32),
        ("multiply_bf16", 16, bf16),
        ("multiply_bf16_trans", 16, bf16),
    ],
)
def test_matrix_product(runtime: SimRuntime, name: str, depth: int, rounded: Any) -> None:
    a, b, c = random(runtime, 16, depth), random(runtime, depth, 8), random(runtime, 16, 8, seed=1)
    d = runtime.empty((16, 8), np.float32)
    run(runtime, name, {"d": d}, a=a, b=b, c=c)
    np.testing.assert_allclose(d, rounded(a) @ rounded(b) + c, rtol=1e-6, atol=1e-6)
    assert np.abs(d - (a.astype(np.float64) @ b + c)).max() > 1e-5  # the rounding of the factors is there


def test_unrounded_factors_are_truncated(runtime: SimRuntime) -> None:
    a, b = np.abs(random(runtime, 16, 8)), np.abs(random(runtime, 8, 8))
    d = runtime.empty((16, 8), np.float32)
    run(runtime, "multiply_tf32_unrounded", {"d": d}, a=a, b=b, c=runtime.zeros((16, 8), np.float32))
    cut_a, cut_b = ((x.view(np.uint32) & 0xFFFFE000).view(np.float32).astype(np.float64) for x in (a, b))
    np.testing.assert_allclose(d, cut_a @ cut_b, rtol=1e-6)
    assert (d < a.astype(np.float64) @ b).all()


@pytest.mark.parametrize("width", [32, 8])
@pytest.mark.parametrize("amount", [1, 5])
def test_shuffles(runtime: SimRuntime, width: int, amount: int) -> None:
    x, y = random(runtime, 32), runtime.empty((4, 32), np.float32)
    run(runtime, "shuffles", {"y": y}, x=x, width=width, amount=amount)
    lane = np.arange(32)
    start, offset = lane // width * width, lane % width
    expected = [
        x[start + amount % width],
        x[start + (offset ^ amount)],
        x[np.where(offset + amount < width, lane + amount, lane)],
        x[np.where(offset >= amount, lane - amount, lane)],
    ]
    np.testing.assert_array_equal(y, expected)


def test_votes_and_reductions_of_half_a_warp(runtime: SimRuntime) -> None:
    x = runtime.from_host(np.r_[np.arange(16) * 3 + 7, np.arange(16) * 2 + 1], np.uint32)
    y = runtime.empty((6, 2, 16), np.uint32)
    run(runtime, "votes", {"y": y}, x=x)
    for half, shift in ((0, 0), (1, 16)):
        values = x.reshape(2, 16)[half]
        odd = values % 2
        expected = [
            int((odd << (np.arange(16) + shift)).sum()),
            odd.any(),
            odd.all(),
            values.sum(),
            values.min(),
            values.max(),
        ]
        np.testing.assert_array_equal(y[:, half], np.repeat(np.array(expected, np.uint32)[:, None], 16, axis=1))


@pytest.mark.parametrize("block", [96, 50])
def test_barriers_that_vote(runtime: SimRuntime, block: int) -> None:
    for x in (np.arange(block), np.ones(block), np.zeros(block)):
        y = runtime.empty((block, 3), np.uint32)
        run(runtime, "block_votes", {"y": y}, block=block, x=runtime.from_host(x, np.uint32))
        odd = x.astype(int) % 2
        np.testing.assert_array_equal(y, np.tile([odd.sum(), odd.all(), odd.any()], (block, 1)))


def test_rounding_to_tf32_and_bfloat16(runtime: SimRuntime) -> None:
    ties = np.float32([1 + 2**-11, 1 + 3 * 2**-11, -1 - 2**-11, 1 + 2**-8, 1 + 3 * 2**-8, 0.0, 65504.0])
    x = runtime.from_host(np.r_[ties, np.random.default_rng(0).standard_normal(200)], np.float32)
    rounded, packed = runtime.empty(x.shape, np.uint32), runtime.empty(x.shape, np.uint32)
    run(runtime, "rounding", {"tf32": rounded, "bf16": packed}, x=x, n=x.size)
    np.testing.assert_array_equal(rounded.view(np.float32), tf32(x))
    np.testing.assert_array_equal((packed << 16).view(np.float32), bf16(x))
    np.testing.assert_array_equal((packed & 0xFFFF0000).view(np.float32), -bf16(x))


def test_asynchronous_copies_fill_with_zeros(runtime: SimRuntime) -> None:
    x, y = random(runtime, 160), runtime.empty((160,), np.float32)
    run(runtime, "copies", {"y": y}, x=x)
    lane = np.arange(32)
    by_four = np.where(np.arange(4) < (lane % 5)[:, None], x[:128].reshape(32, 4), 0)
    np.testing.assert_array_equal(y[:128].reshape(32, 4), by_four)
    np.testing.assert_array_equal(y[128:], np.where(lane % 2, x[128:], 0))


@pytest.mark.parametrize("seed", range(4))
def test_blocks_of_a_cooperative_launch_wait_for_one_another(seed: int) -> None:
    runtime = SimRuntime(seed=seed, sm_count=8)
    x, y, flags = random(runtime, 8, 40), runtime.empty((8, 40), np.float32), runtime.zeros((8,), np.uint32)
    kernel = Program(runtime, "emulation.cu", {}, HERE).kernel("chained_blocks", {"x": 320, "y": 320, "flags": 8})
    kernel((8,), (40,), x=x, y=y, flags=flags, cooperative=True)
    np.testing.assert_allclose(y, np.cumsum(x, axis=0, dtype=np.float32), rtol=1e-6)


@pytest.mark.parametrize(("grid", "block"), [((3,), (5,)), ((2, 3), (4, 2)), ((2, 2, 3), (3, 2, 2))])
def test_coordinates(runtime: SimRuntime, grid: tuple[int, ...], block: tuple[int, ...]) -> None:
    blocks, threads = int(np.prod(grid)), int(np.prod(block))
    y = runtime.zeros((blocks * threads + 1,), np.int32)
    Program(runtime, "emulation.cu", {}, HERE).kernel("coordinates", {"y": y.size})(grid, block, y=y)
    expected = 1000 * np.arange(blocks)[:, None] + np.arange(threads)
    np.testing.assert_array_equal(y[:-1].reshape(blocks, threads), expected)
    assert y[-1] == blocks * threads
