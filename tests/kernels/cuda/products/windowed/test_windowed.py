"""Products over all frames with windows in shared memory: over odd shapes against float64 and the gathered kernels.

The operation table's own tests (tests/kernels/test_conv_lstm.py) run on them too, where the counts choose them.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from bench.cuda.launches import Recorder
from kernels.cuda import CudaBackend
from kernels.cuda.common.precision import operand_bytes
from kernels.cuda.conv_lstm import windowed
from kernels.cuda.conv_lstm.persistent import Recurrence
from kernels.cuda.products.strategy import Products
from kernels.cuda.products.windowed.windowed_tiles import BLOCK_ROWS, STRIPS, WindowTile, channel_tiles, gate_tiles
from kernels.cuda.simulator.runtime import SimRuntime
from kernels.specs import GRADIENT_ERROR, PRECISIONS, ConvLSTMSpec
from tests.kernels.cuda.batch_norm.linked_pair import run_pair
from tests.kernels.cuda.layer_runs import Results, errors, oracle, run_conv_lstm
from tests.kernels.cuda.products.conftest import Only

TIGHT_SHARED_MEMORY = 60_000
"""What the other kernels take."""

AGREEMENT = {"float32": 2e-6, "tf32": 5e-4, "bfloat16": 5e-3}
"""Difference of sums in another order, relative in norm: a rounding more or less of h or dz."""

SHAPES = {
    "one pixel": (ConvLSTMSpec(T=1, B=1, H=1, W=1, C=1, F=1, kh=1, kw=1), {}),
    "kernel larger than the frame": (ConvLSTMSpec(T=2, B=2, H=2, W=3, C=3, F=3, kh=5, kw=5), {}),
    "tiles across rows and images": (ConvLSTMSpec(T=3, B=3, H=7, W=9, C=3, F=6, kh=3, kw=5), {"sm_count": 2}),
    "one block for all tiles": (ConvLSTMSpec(T=4, B=2, H=11, W=13, C=8, F=4, kh=1, kw=3), {"sm_count": 1}),
    "slab by slab": (
        ConvLSTMSpec(T=2, B=1, H=9, W=30, C=40, F=12, kh=3, kw=3),
        {"sm_count": 2, "shared_bytes_per_block": TIGHT_SHARED_MEMORY},
    ),
}


def backend(precision: str, products: Products, recurrence: Recurrence = "auto", **device: int) -> CudaBackend:
    return CudaBackend(precision=precision, runtime=SimRuntime(**device), products=products, recurrence=recurrence)


@cache
def expected(spec: ConvLSTMSpec) -> Results:
    return run_conv_lstm(oracle(), spec)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("spec", "device"), SHAPES.values(), ids=SHAPES.keys())
def test_it_computes_what_gathering_computes(precision: str, spec: ConvLSTMSpec, device: dict[str, int]) -> None:
    spec = replace(spec, recurrent_activation="sigmoid")  # a hard one's derivative jumps where rounding may move it
    actual = run_conv_lstm(backend(precision, "windows", "steps", **device), spec)
    found = errors(actual, expected(spec))
    assert max(found.values()) < GRADIENT_ERROR[precision], found
    apart = errors(actual, run_conv_lstm(backend(precision, "gathered", "steps"), spec))
    assert max(apart.values()) < AGREEMENT[precision], apart


EVERY_WAY = ConvLSTMSpec(T=2, B=2, H=9, W=11, C=24, F=18, kh=3, kw=3, recurrent_activation="sigmoid")
"""396 pixels: images end within tiles of every size, and one block has several tiles."""

WAYS = [f"{rows} pixels, {slabs}" for rows in BLOCK_ROWS for slabs in ("one slab", "slabs", "weights in turns")]


def way(tiles: Iterable[WindowTile], name: str) -> WindowTile:
    """The first tile whose block goes through slabs and weights in the way of that name."""
    for tile in tiles:
        slabs = "one slab" if tile.slabs == 1 else "slabs"
        if name == f"{tile.warps.rows} pixels, {slabs}":
            return tile
        if name == f"{tile.warps.rows} pixels, weights in turns" and tile.slabs > 2:
            return replace(tile, resident=False)
    raise AssertionError(name)


@pytest.mark.parametrize(
    ("name", "precision"),
    [(name, p) for name in WAYS for p in PRECISIONS if p == "bfloat16" or name.startswith("128")],
)
def test_every_way_through_slabs_and_weights(name: str, precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, element = EVERY_WAY, operand_bytes(precision)
    forward = way(gate_tiles(spec.C, spec.F, spec.kh, spec.kw, element, one_place=False), name)
    backward = way(channel_tiles(4 * spec.F, spec.C, spec.kh, spec.kw, element, one_place=False), name)
    tiles = {"input_forward": forward, "input_backward": backward}
    monkeypatch.setattr(windowed, "cheapest_tile", lambda kind, *_: tiles[kind])
    device = {"sm_count": max(forward.groups, backward.groups), "shared_bytes_per_block": 300_000}
    found = errors(run_conv_lstm(backend(precision, "windows", **device), spec), expected(spec))
    assert max(found.values()) < GRADIENT_ERROR[precision], found


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("strip", STRIPS)
def test_strips_compute_what_pixels_in_order_compute(strip: int, precision: str, only: Only) -> None:
    """All four convolutions, with a BatchNormalization linked, whose sums run over the tiles."""
    spec = ConvLSTMSpec(T=2, B=2, H=11, W=2 * strip + 5, C=3, F=6, kh=5, kw=3, recurrent_activation="sigmoid")
    in_order = run_pair(backend(precision, "windows", "steps"), spec)
    only(WindowTile, lambda tile: tile.strip == strip)
    strips = run_pair(backend(precision, "windows", "steps"), spec)
    apart = errors(strips, in_order)
    assert max(apart.values()) < AGREEMENT[precision], apart


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_same_bits_in_any_order_of_blocks(precision: str) -> None:
    spec = SHAPES["tiles across rows and images"][0]
    first = run_conv_lstm(backend(precision, "windows", "steps", seed=1), spec)
    for seed in (2, 3):
        again = run_conv_lstm(backend(precision, "windows", "steps", seed=seed), spec)
        for name, array in first.items():
            np.testing.assert_array_equal(again[name], array, err_msg=name)


def launched(spec: ConvLSTMSpec, products: Products, **device: int) -> set[str]:
    """The kernels that a forward and a backward pass launch."""
    recorder, table = Recorder(), backend("tf32", products, "steps", **device)
    with recorder.on(table.runtime):
        recorder.recording = True
        run_conv_lstm(table, spec)
    return {launch.kernel for launch in recorder.launches}


RULE = ConvLSTMSpec(T=2, B=2, H=8, W=9, C=8, F=8, kh=3, kw=3)

GATHERED = {"input_forward", "input_backward", "step_forward", "step_backward"}
WINDOWED = {f"windowed_{name}" for name in GATHERED}


@pytest.mark.parametrize(
    ("spec", "windows"),
    [(RULE, True), (replace(RULE, kh=5, kw=7), False), (replace(RULE, H=1, W=4000, kh=3, kw=1), False)],
    ids=["a window is cheaper", "more taps than bits", "a window is wider than its pixels"],
)
def test_auto_takes_what_counts_less(spec: ConvLSTMSpec, windows: bool) -> None:
    kernels = launched(spec, "auto")
    assert (kernels >= WINDOWED, kernels >= GATHERED) == (windows, not windows)


def test_a_window_of_few_channels_costs_more_than_it_saves() -> None:
    kernels = launched(replace(RULE, C=4, kh=1, kw=1, T=8), "auto", sm_count=1)
    assert "input_forward" in kernels and "windowed_input_forward" not in kernels


def test_gathering_can_be_asked_for() -> None:
    assert not launched(RULE, "gathered") & WINDOWED


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"products: expected 'auto' or 'gathered' .* got 'windows' for"):
        backend("float32", "windows").conv_lstm(replace(RULE, kh=5, kw=7))


def test_an_unknown_way_is_refused() -> None:
    with pytest.raises(ValueError, match="products: expected one of auto, warpgroups, windows, gathered, got 'fast'"):
        backend("float32", "fast")  # type: ignore[arg-type]
