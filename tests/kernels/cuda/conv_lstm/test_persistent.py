"""Recurrences in one launch: over odd shapes against float64 and the step-by-step kernels, run after run.

The operation table's own tests (tests/kernels/test_conv_lstm.py) run on them too, where they fit.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from bench.cuda.launches import Recorder
from kernels.cuda import CudaBackend
from kernels.cuda.conv_lstm.persistent import PersistentForward, Recurrence
from kernels.cuda.conv_lstm.persistent_tiles import blocks_of, forward_tile
from kernels.cuda.launch.launch import DeviceLimits
from kernels.cuda.simulator.runtime import SimRuntime, SimulationError
from kernels.specs import GRADIENT_ERROR, PRECISIONS, ConvLSTMSpec
from tests.kernels.cuda.layer_runs import Results, errors, oracle, run_conv_lstm

TIGHT_SHARED_MEMORY = 60_000
"""What the other kernels take; too little for all channels of a wide frame's window."""

SHAPES = {
    "one pixel": (ConvLSTMSpec(T=2, B=1, H=1, W=1, C=1, F=1, kh=1, kw=1), {}),
    "kernel larger than the frame": (ConvLSTMSpec(T=2, B=2, H=2, W=3, C=2, F=3, kh=5, kw=5), {}),
    "blocks across rows and images": (ConvLSTMSpec(T=3, B=3, H=7, W=9, C=1, F=6, kh=3, kw=5), {"sm_count": 6}),
    "an image is a block": (ConvLSTMSpec(T=2, B=2, H=8, W=8, C=1, F=4, kh=3, kw=3), {"sm_count": 2}),
    "128 pixels in a block": (ConvLSTMSpec(T=2, B=1, H=19, W=10, C=1, F=8, kh=1, kw=3), {"sm_count": 2}),
    "256 pixels in a block": (ConvLSTMSpec(T=2, B=1, H=23, W=13, C=1, F=8, kh=3, kw=1), {"sm_count": 3}),
    "slab by slab": (
        ConvLSTMSpec(T=2, B=1, H=2, W=130, C=1, F=20, kh=3, kw=3),
        {"sm_count": 25, "shared_bytes_per_block": TIGHT_SHARED_MEMORY},
    ),
}


def backend(precision: str, recurrence: Recurrence = "persistent", **device: int) -> CudaBackend:
    return CudaBackend(precision=precision, runtime=SimRuntime(**device), recurrence=recurrence)


def logistic(spec: ConvLSTMSpec) -> ConvLSTMSpec:
    """A hard sigmoid's derivative jumps where it clips, so that rounding alone can move its gradient."""
    return replace(spec, recurrent_activation="sigmoid")


@cache
def expected(spec: ConvLSTMSpec) -> Results:
    return run_conv_lstm(oracle(), spec)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("spec", "device"), SHAPES.values(), ids=SHAPES.keys())
def test_it_computes_what_the_steps_compute(precision: str, spec: ConvLSTMSpec, device: dict[str, int]) -> None:
    spec = logistic(spec)
    actual = run_conv_lstm(backend(precision, **device), spec)
    found = errors(actual, expected(spec))
    assert max(found.values()) < GRADIENT_ERROR[precision], found
    steps = run_conv_lstm(backend(precision, "steps"), spec)
    if precision == "float32" or spec.F % 8 == 0:  # else a product's terms are grouped otherwise
        for name in ("h", "c"):
            np.testing.assert_array_equal(actual[name], steps[name], err_msg=name)
    # Backward the sums run in another order, and a rounding more or less of dz is what a float32 sum may cost there.
    limit = {"float32": 2e-6, "tf32": 5e-4, "bfloat16": 5e-3}[precision]
    apart = errors(actual, steps)
    assert max(apart.values()) < limit, apart


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_same_bits_in_any_order_of_blocks(precision: str) -> None:
    spec = SHAPES["blocks across rows and images"][0]
    first = run_conv_lstm(backend(precision, sm_count=6, seed=1), spec)
    for seed in (2, 3):
        again = run_conv_lstm(backend(precision, sm_count=6, seed=seed), spec)
        for name, array in first.items():
            np.testing.assert_array_equal(again[name], array, err_msg=name)


def launched(spec: ConvLSTMSpec, recurrence: Recurrence, **device: int) -> set[str]:
    """The kernels that a forward and a backward pass launch."""
    recorder, table = Recorder(), backend("float32", recurrence, **device)
    with recorder.on(table.runtime):
        recorder.recording = True
        run_conv_lstm(table, spec)
    return {launch.kernel for launch in recorder.launches}


RULE = ConvLSTMSpec(T=2, B=3, H=7, W=9, C=1, F=4, kh=3, kw=3)
"""189 pixels: three blocks of 64, two of 128, one of 256."""


@pytest.mark.parametrize(
    ("spec", "device", "persistent"),
    [
        (RULE, {}, True),
        (RULE, {"sm_count": 1}, True),
        (replace(RULE, B=5), {"sm_count": 1}, False),  # 315 pixels
        (RULE, {"blocks_per_sm": 0}, False),  # too many registers, say
        (replace(RULE, kh=5, kw=7), {}, False),
        (replace(RULE, T=1), {}, False),
    ],
    ids=["fits", "one block", "too many pixels", "no block", "taps", "one frame"],
)
def test_auto_takes_one_launch_where_it_fits(spec: ConvLSTMSpec, device: dict[str, int], persistent: bool) -> None:
    kernels = launched(spec, "auto", **device)
    assert ("persistent_forward" in kernels, "persistent_backward" in kernels) == (persistent, persistent)
    for name in ("step_forward", "step_backward"):
        assert bool({name, f"windowed_{name}"} & kernels) != persistent


@pytest.mark.parametrize(("shared", "fits"), [(9_632, True), (9_631, False)])
def test_a_tile_fits_the_shared_memory_there_is(shared: int, fits: bool) -> None:
    tile = forward_tile(RULE, "float32", DeviceLimits(4, shared, 1024, "90"))
    assert (tile is not None) == fits
    assert tile is None or tile.shared_bytes(RULE.W) <= shared


def test_steps_can_be_asked_for() -> None:
    assert "persistent_forward" not in launched(RULE, "steps")


def test_one_frame_can_be_asked_for() -> None:
    assert {"persistent_forward", "persistent_backward"} <= launched(replace(RULE, T=1), "persistent")


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"recurrence: expected one that fits .* got 'persistent' for"):
        backend("float32", sm_count=1).conv_lstm(replace(RULE, B=5))


def test_an_unknown_recurrence_is_refused() -> None:
    with pytest.raises(ValueError, match="recurrence: expected one of auto, persistent, steps, got 'fast'"):
        backend("float32", "fast")


@pytest.mark.parametrize("start", [0, 2**32 - 3], ids=["from zero", "past the largest count"])
def test_flags_count_on_from_launch_to_launch(start: int) -> None:
    runtime, spec = SimRuntime(sm_count=3), logistic(replace(RULE, T=4))
    tile = forward_tile(spec, "float32", runtime.limits)
    assert tile is not None and blocks_of(spec, tile) == (3, 1)
    recurrence = PersistentForward(runtime, spec, "float32", tile)
    recurrence.flags[...] = start
    generator, frame = np.random.default_rng(0), (spec.B, spec.H, spec.W, spec.F)
    weights = runtime.from_host(generator.standard_normal((3, 3, spec.F, 4 * spec.F)), np.float32)
    inputs = generator.standard_normal((spec.T, *frame, 4)).astype(np.float32)
    c, h = (runtime.empty(shape, np.float32) for shape in (frame, (spec.T, *frame)))
    kept_c = runtime.empty((spec.T, *frame), np.float32)
    runs = []

    def run() -> None:
        recurrence(weights, None, None, z, kept_c, c, h)

    z = runtime.from_host(inputs, np.float32)
    replay = runtime.capture(run).replay
    for _ in range(3):
        runtime.copy(z, inputs)
        replay()
        runs.append(np.array(h))
    np.testing.assert_array_equal(runs[1], runs[0])
    np.testing.assert_array_equal(runs[2], runs[0])
    np.testing.assert_array_equal(recurrence.flags, np.uint32((start + 3 * spec.T) % 2**32))


def test_flags_that_disagree_are_reported() -> None:
    runtime, spec = SimRuntime(sm_count=3), RULE
    tile = forward_tile(spec, "float32", runtime.limits)
    assert tile is not None
    recurrence = PersistentForward(runtime, spec, "float32", tile)
    recurrence.flags[...] = [5, 2, 5]
    frame = (spec.B, spec.H, spec.W, spec.F)
    weights = runtime.zeros((3, 3, spec.F, 4 * spec.F), np.float32)
    z, kept_c, h = (runtime.zeros((spec.T, *frame, *gates), np.float32) for gates in ((4,), (), ()))
    c = runtime.zeros(frame, np.float32)
    with pytest.raises(SimulationError, match="persistent_forward: race on h"):
        recurrence(weights, None, None, z, kept_c, c, h)
