"""Warpgroup products and named barriers against NumPy: in the simulator and, when asked for, on a GPU that has them."""

from typing import Any

import numpy as np
import pytest

from kernels.cuda.launch.launch import Program, Runtime
from kernels.cuda.simulator.runtime import SimRuntime
from tests.kernels.cuda.simulator.test_emulation import HERE, Array, bf16, random, runtime, tf32

__all__ = ["runtime"]  # the fixture
STEPS = 3
PLAIN = {"N": 8, "SHIFT": 0, "BF16": False, "A_ROWS": False, "B_ROWS": False, "FROM_REGISTERS": False}


def multiply(runtime: Runtime, n: int, shift: int = 0, **form: bool) -> tuple[Array, Array]:
    """The kernel's product and NumPy's. `form`: BF16, A_ROWS, B_ROWS, FROM_REGISTERS."""
    defines = PLAIN | {"N": n, "SHIFT": shift} | form
    depth = STEPS * (16 if defines["BF16"] else 8)
    a, b, c = random(72, depth + 8), random(n + 8, depth + 8, seed=1), random(64, n)
    arrays = {k: runtime.from_host(v, v.dtype) for k, v in {"a": a, "b": b, "c": c}.items()}
    d = runtime.zeros((64, n), "float32")
    program = Program(runtime, "emulation_wgmma.cu", defines, HERE)
    kernel = program.kernel("multiply", {k: v.shape for k, v in {**arrays, "d": d}.items()})
    kernel((1,), (128,), shared_bytes=(a.size + b.size) * (2 if defines["BF16"] else 4), d=d, **arrays)

    def used(x: Array, rows: int, by_rows: bool) -> Array:
        first_row, first_k = (0, shift) if by_rows else (shift, 0)
        return x[first_row : first_row + rows, first_k : first_k + depth]

    rounded: Any = bf16 if defines["BF16"] else tf32
    product = rounded(used(a, 64, bool(defines["A_ROWS"]))) @ rounded(used(b, n, bool(defines["B_ROWS"]))).T
    return runtime.to_host(d), product + c


@pytest.fixture(autouse=True)
def _needs_hopper(runtime: Runtime) -> None:
    if not runtime.limits.architecture.startswith("90"):
        pytest.skip("wgmma is of compute capability 9.0 alone, which the simulator has too")


@pytest.mark.parametrize("n", [8, 24, 40, 80, 160])
@pytest.mark.parametrize("bf16", [False, True])
def test_product(runtime: Runtime, n: int, bf16: bool) -> None:
    np.testing.assert_allclose(*multiply(runtime, n, BF16=bf16), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("a_rows", [False, True])
@pytest.mark.parametrize("b_rows", [False, True])
@pytest.mark.parametrize("shift", [0, 5])
def test_either_order_of_storage_and_shifted_starts(runtime: Runtime, a_rows: bool, b_rows: bool, shift: int) -> None:
    product = multiply(runtime, 40, shift, BF16=True, A_ROWS=a_rows, B_ROWS=b_rows)
    np.testing.assert_allclose(*product, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("form", [{"BF16": False}, {"BF16": True}, {"BF16": True, "B_ROWS": True}])
def test_a_from_registers(runtime: Runtime, form: dict[str, bool]) -> None:
    np.testing.assert_allclose(*multiply(runtime, 24, 3, FROM_REGISTERS=True, **form), rtol=1e-5, atol=1e-4)


def test_shifted_starts_of_tf32(runtime: Runtime) -> None:
    np.testing.assert_allclose(*multiply(runtime, 80, 7), rtol=1e-5, atol=1e-4)


def test_sums_are_poison_before_the_wait() -> None:
    runtime = SimRuntime()
    before, after = (runtime.zeros((128,), "float32") for _ in range(2))
    kernel = Program(runtime, "emulation_wgmma.cu", PLAIN, HERE).kernel("early", {"before": 128, "after": 128})
    kernel((1,), (128,), shared_bytes=4096, before=before, after=after)
    assert np.isnan(before).all() and (after == 8).all()


def halves(runtime: Runtime) -> None:
    x = random(2, 64)
    given, y = runtime.from_host(x, x.dtype), runtime.zeros((2, 64), "float32")
    kernel = Program(runtime, "emulation_wgmma.cu", PLAIN, HERE).kernel("halves", {"x": x.shape, "y": y.shape})
    kernel((1,), (128,), shared_bytes=512, x=given, y=y)
    expected = [sum(np.roll(x[half], step) for step in range(STEPS + half)) for half in (0, 1)]
    np.testing.assert_allclose(runtime.to_host(y), expected, rtol=1e-5, atol=1e-6)


def test_halves_of_a_block_have_barriers_of_their_own(runtime: Runtime) -> None:
    halves(runtime)


@pytest.mark.parametrize("seed", range(1, 5))
def test_the_order_of_warps_does_not_matter_to_named_barriers(seed: int) -> None:
    halves(SimRuntime(seed=seed))
