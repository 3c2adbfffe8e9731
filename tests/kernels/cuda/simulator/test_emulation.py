"""Warps, tensor cores and asynchronous copies against NumPy: in the simulator and, when asked for, on a GPU."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kernels.cuda.launch.launch import Program, Runtime
from kernels.cuda.launch.source import FOLDER
from kernels.cuda.simulator.runtime import SimRuntime

HERE = Path(__file__).parent
Array = np.ndarray[Any, Any]
Output = tuple[tuple[int, ...], str]


@pytest.fixture(params=["checked", "unchecked", pytest.param("gpu", marks=pytest.mark.gpu)])
def runtime(request: pytest.FixtureRequest) -> Runtime:
    if request.param == "gpu" and not request.config.getoption("--rehearse"):
        from kernels.cuda.launch.runtime import CupyRuntime

        return CupyRuntime(0)
    return SimRuntime(checked=request.param != "unchecked", sm_count=8)


def run(
    runtime: Runtime,
    name: str,
    outputs: dict[str, Output],
    grid: tuple[int, ...] = (1,),
    block: tuple[int, ...] = (32,),
    cooperative: bool = False,
    **arguments: Any,
) -> list[Array]:
    """Launch a kernel of emulation.cu on host arrays and numbers; returns its outputs, which it finds full of zeros."""
    arrays = {key: runtime.zeros(*output) for key, output in outputs.items()}
    arrays |= {k: runtime.from_host(v, v.dtype) for k, v in arguments.items() if isinstance(v, np.ndarray)}
    numbers = {key: value for key, value in arguments.items() if not isinstance(value, np.ndarray)}
    kernel = Program(runtime, "emulation.cu", {}, HERE).kernel(name, {key: a.shape for key, a in arrays.items()})
    kernel(grid, block, shared_bytes=2048, cooperative=cooperative, **arrays, **numbers)
    return [runtime.to_host(arrays[key]) for key in outputs]


def random(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


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
def test_matrix_product(runtime: Runtime, name: str, depth: int, rounded: Any) -> None:
    a, b, c = random(16, depth), random(depth, 8), random(16, 8, seed=1)
    (d,) = run(runtime, name, {"d": ((16, 8), "float32")}, a=a, b=b, c=c)
    np.testing.assert_allclose(d, rounded(a) @ rounded(b) + c, rtol=1e-5, atol=1e-5)
    assert np.abs(d - (a.astype(np.float64) @ b + c)).max() > 1e-4  # the rounding of the factors is there


def test_unrounded_factors_are_truncated(runtime: Runtime) -> None:
    a, b = np.abs(random(16, 8)), np.abs(random(8, 8))
    (d,) = run(
        runtime, "multiply_tf32_unrounded", {"d": ((16, 8), "float32")}, a=a, b=b, c=np.zeros((16, 8), np.float32)
    )
    cut_a, cut_b = ((x.view(np.uint32) & 0xFFFFE000).view(np.float32).astype(np.float64) for x in (a, b))
    np.testing.assert_allclose(d, cut_a @ cut_b, rtol=1e-5)
    assert (d < a.astype(np.float64) @ b).all()


@pytest.mark.parametrize("width", [32, 8])
@pytest.mark.parametrize("amount", [1, 5])
def test_shuffles(runtime: Runtime, width: int, amount: int) -> None:
    x = random(32)
    (y,) = run(runtime, "shuffles", {"y": ((4, 32), "float32")}, x=x, width=width, amount=amount)
    lane = np.arange(32)
    start, offset = lane // width * width, lane % width
    expected = [
        x[start + amount % width],
        x[start + (offset ^ amount)],
        x[np.where(offset + amount < width, lane + amount, lane)],
        x[np.where(offset >= amount, lane - amount, lane)],
    ]
    np.testing.assert_array_equal(y, expected)


def test_votes_and_reductions_of_half_a_warp(runtime: Runtime) -> None:
    x = np.r_[np.arange(16) * 3 + 7, np.arange(16) * 2 + 1].astype(np.uint32)
    (y,) = run(runtime, "votes", {"y": ((6, 2, 16), "uint32")}, x=x)
    for half, shift in ((0, 0), (1, 16)):
        values = x.reshape(2, 16)[half]
        odd = values % 2
        ballot = int((odd << (np.arange(16) + shift)).sum())
        expected = [ballot, odd.any(), odd.all(), values.sum(), values.min(), values.max()]
        np.testing.assert_array_equal(y[:, half], np.repeat(np.array(expected, np.uint32)[:, None], 16, axis=1))


@pytest.mark.parametrize("block", [96, 50])
def test_barriers_that_vote(runtime: Runtime, block: int) -> None:
    for x in (np.arange(block), np.ones(block), np.zeros(block)):
        output = {"y": ((block, 3), "uint32")}
        (y,) = run(runtime, "block_votes", output, block=(block,), x=x.astype(np.uint32))
        odd = x.astype(int) % 2
        assert (y[:, 0] == odd.sum()).all()
        np.testing.assert_array_equal(y[:, 1:] != 0, np.tile([odd.all(), odd.any()], (block, 1)))


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_rounding(runtime: Runtime) -> None:
    ties = np.float32([1 + 2**-11, 1 + 3 * 2**-11, -1 - 2**-11, 1 + 2**-8, 1 + 3 * 2**-8, 0.0, -0.0, 65504.0])
    small = np.float32([2**-14, 2**-14 * (1 - 2**-12), 3 * 2**-25, 2**-25, 2**-24, 1e-9, -5e-6])  # of float16
    large = np.float32([65519.0, 65520.0, -1e6])
    x = np.r_[ties, small, large, random(200)]
    outputs = dict.fromkeys(("tf32", "bf16", "f16"), ((x.size,), "uint32")) | {"back": ((x.size, 2), "float32")}
    rounded, packed, halves, back = run(runtime, "rounding", outputs, x=x, n=x.size)
    # The hardware leaves the bits below a tf32 mantissa undefined.
    np.testing.assert_array_equal((rounded & 0xFFFFE000).view(np.float32), tf32(x))
    np.testing.assert_array_equal((packed << 16).view(np.float32), bf16(x))
    np.testing.assert_array_equal((packed & 0xFFFF0000).view(np.float32), -bf16(x))
    np.testing.assert_array_equal(
        halves, x.astype(np.float16).view(np.uint16) + ((-x).astype(np.float16).view(np.uint16).astype(np.uint32) << 16)
    )
    np.testing.assert_array_equal(back, np.stack([x, -x], axis=1).astype(np.float16).astype(np.float32))


def test_approximate_functions(runtime: Runtime) -> None:
    x = np.linspace(-6, 6, 200).astype(np.float32)
    outputs = dict.fromkeys(("exponential", "reciprocal", "clamped", "hyperbolic"), ((200,), "float32"))
    exponential, reciprocal, clamped, hyperbolic = run(runtime, "approximations", outputs, x=x, n=x.size)
    np.testing.assert_allclose(exponential, np.exp2(x), rtol=1e-6)
    np.testing.assert_allclose(reciprocal, 1.0 / x, rtol=1e-6)
    np.testing.assert_array_equal(clamped, np.clip(x, 0.0, 1.0))
    np.testing.assert_allclose(hyperbolic, np.tanh(x), rtol=1e-3)


def test_asynchronous_copies_fill_with_zeros(runtime: Runtime) -> None:
    x = random(160)
    (y,) = run(runtime, "copies", {"y": ((288,), "float32")}, x=x)
    lane = np.arange(32)
    by_four = np.where(np.arange(4) < (lane % 5)[:, None], x[:128].reshape(32, 4), 0)
    np.testing.assert_array_equal(y[:128].reshape(32, 4), by_four)
    np.testing.assert_array_equal(y[128:160], np.where(lane % 2, x[128:], 0))
    np.testing.assert_array_equal(y[160:].reshape(32, 4), by_four)


def test_blocks_of_a_cooperative_launch_wait_for_one_another(runtime: Runtime) -> None:
    x = random(8, 40)
    outputs = {"y": ((8, 40), "float32"), "flags": ((9,), "uint32")}
    y, flags = run(runtime, "chained_blocks", outputs, grid=(8,), block=(40,), cooperative=True, x=x)
    np.testing.assert_allclose(y, np.cumsum(x, axis=0, dtype=np.float32), rtol=1e-6)
    assert flags[8] == 8


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_blocks_does_not_matter_to_flags(seed: int) -> None:
    test_blocks_of_a_cooperative_launch_wait_for_one_another(SimRuntime(seed=seed, sm_count=8))


@pytest.mark.parametrize(("grid", "block"), [((3,), (5,)), ((2, 3), (4, 2)), ((2, 2, 3), (3, 2, 2))])
def test_coordinates(runtime: Runtime, grid: tuple[int, ...], block: tuple[int, ...]) -> None:
    blocks, threads = int(np.prod(grid)), int(np.prod(block))
    (y,) = run(runtime, "coordinates", {"y": ((blocks * threads + 1,), "int32")}, grid=grid, block=block)
    expected = 1000 * np.arange(blocks)[:, None] + np.arange(threads)
    np.testing.assert_array_equal(y[:-1].reshape(blocks, threads), expected)
    assert y[-1] == blocks * threads


@pytest.mark.parametrize(
    ("header", "twins", "emulation"),
    [
        ("common/ptx.cuh", ("device_math.h",), "emulation.cu"),
        ("products/warpgroup/wgmma.cuh", ("device_wgmma.h", "device.h"), "emulation_wgmma.cu"),
    ],
)
def test_every_function_with_ptx_is_emulated_and_compared(header: str, twins: tuple[str, ...], emulation: str) -> None:
    text = (FOLDER / header).read_text(encoding="utf-8")
    functions = re.findall(r"__forceinline__ \w+ (\w+)\(", text)
    supplied = "".join((FOLDER / "simulator" / name).read_text(encoding="utf-8") for name in twins)
    used = (HERE / emulation).read_text(encoding="utf-8")
    assert len(functions) >= 20 or header != "common/ptx.cuh"
    for function in set(functions) - {"shared_address"}:
        assert re.search(rf"inline \w+ {function}\(", supplied), f"{function} has no twin in {twins[0]}"
        assert re.search(rf"\b{function}\b", used), f"{function} is not used in {emulation}"
