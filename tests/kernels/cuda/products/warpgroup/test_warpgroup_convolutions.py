"""Convolutions and recurrences on warpgroup products: over odd shapes against float64 and other ways, cut in every way.

What the planner promises is held in test_warpgroup_tiles.py. The gradients of weights have tests of their own, and are
gathered here.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from bench.cuda.launches import Recorder
from kernels.cuda import CudaBackend
from kernels.cuda.conv_lstm import weight_gradients
from kernels.cuda.conv_lstm.gathered import GatheredGradient
from kernels.cuda.conv_lstm.persistent import Recurrence
from kernels.cuda.conv_lstm.persistent_tiles import backward_tile, blocks_of
from kernels.cuda.products.strategy import PRODUCTS as ALL_PRODUCTS
from kernels.cuda.products.strategy import Products
from kernels.cuda.products.warpgroup.warpgroup_tiles import CHUNK_BYTES, STRIPS, GroupTile
from kernels.cuda.simulator.runtime import SimRuntime
from kernels.specs import GRADIENT_ERROR, ConvLSTMSpec
from tests.kernels.cuda.batch_norm.linked_pair import run_pair
from tests.kernels.cuda.layer_runs import Results, errors, oracle, random_arrays, run_conv_lstm
from tests.kernels.cuda.products.conftest import Only

PRECISIONS = ["tf32", "bfloat16"]
AGREEMENT = {"tf32": 1e-3, "bfloat16": 5e-3}
"""With other ways, relative in norm. In tf32 twice what they are apart from each other (test_windowed.py): they round x
and h to nearest, where these products cut digits off."""

PRODUCTS: list[Products] = ["warpgroups", "windows"]
EACH_WAY: list[Recurrence] = ["persistent", "steps"]


def layer(T: int, B: int, H: int, W: int, C: int, F: int, kh: int, kw: int) -> ConvLSTMSpec:
    """With logistic gates: a hard sigmoid's derivative jumps where rounding may move it."""
    return ConvLSTMSpec(T, B, H, W, C, F, kh, kw, recurrent_activation="sigmoid")


LAYER = layer(T=2, B=5, H=8, W=6, C=24, F=16, kh=3, kw=3)
"""An image is 63 rows with its zeros, so that five tiles of 64 each have pixels of two. 24 channels are three chunks in
bfloat16, an odd number, and six in tf32: three slabs."""

MORE = replace(LAYER, B=9)
"""Three tiles of 192 or 256 rows, five of 128. Crews of a block then have tiles that are no neighbours: the simulator
knows no flags between threads of a block."""

SHAPES: dict[str, tuple[ConvLSTMSpec, str, Products]] = {
    "images end within tiles": (LAYER, "tf32", "windows"),
    "an odd number of chunks": (LAYER, "bfloat16", "windows"),
    "one pixel, one tap": (layer(T=1, B=1, H=1, W=1, C=8, F=8, kh=1, kw=1), "bfloat16", "gathered"),
    "pixels by themselves": (layer(T=3, B=1, H=9, W=13, C=8, F=8, kh=1, kw=1), "bfloat16", "gathered"),
    "kernel larger than the frame": (layer(T=2, B=2, H=2, W=3, C=4, F=4, kh=5, kw=5), "tf32", "gathered"),
    "frame narrower than half its kernel": (layer(T=2, B=2, H=5, W=1, C=16, F=16, kh=3, kw=5), "bfloat16", "windows"),
    "wide kernel, five chunks": (layer(T=1, B=1, H=4, W=9, C=40, F=8, kh=3, kw=5), "bfloat16", "gathered"),
    "high kernel, three chunks": (layer(T=3, B=1, H=11, W=7, C=12, F=12, kh=5, kw=1), "tf32", "gathered"),
}


@pytest.fixture(autouse=True)
def gathered_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gather the weight gradients: one kernel whatever the products, in a program that is compiled anyway."""
    monkeypatch.setattr(
        weight_gradients, "STRATEGIES", dict.fromkeys(weight_gradients.STRATEGIES, (GatheredGradient(ALL_PRODUCTS),))
    )


def backend(
    precision: str, recurrence: Recurrence, products: Products = "warpgroups", sm_count: int = 5, seed: int = 0
) -> CudaBackend:
    runtime = SimRuntime(architecture="90a", sm_count=sm_count, seed=seed)
    return CudaBackend(precision=precision, runtime=runtime, products=products, recurrence=recurrence)


@cache
def expected(spec: ConvLSTMSpec, with_state: bool = True) -> Results:
    return run_conv_lstm(oracle(), spec, with_state)


@cache
def expected_of_pair(spec: ConvLSTMSpec) -> Results:
    return run_pair(oracle(), spec)


@cache
def other_way(spec: ConvLSTMSpec, precision: str, products: Products, with_state: bool) -> Results:
    return run_conv_lstm(backend(precision, "steps", products), spec, with_state)


def on_warpgroups(table: CudaBackend, run: Callable[[], Results]) -> tuple[Results, set[str]]:
    """The results, and the convolutions that were on warpgroup products."""
    recorder = Recorder()
    with recorder.on(table.runtime):
        recorder.recording = True
        results = run()
    launches = (launch for launch in recorder.launches if "#define TILE GroupTile" in launch.source.text)
    return results, {launch.kernel for launch in launches if not launch.kernel.startswith("pack_")}


INPUT = {"windowed_input_forward", "windowed_input_backward"}
ALL: dict[Recurrence, set[str]] = {
    "persistent": INPUT | {"persistent_forward", "persistent_backward"},
    "steps": INPUT | {"windowed_step_forward", "windowed_step_backward"},
}


@pytest.mark.parametrize("recurrence", EACH_WAY)
@pytest.mark.parametrize("with_state", [True, False], ids=["state", "no state"])
@pytest.mark.parametrize(("spec", "precision", "other"), SHAPES.values(), ids=SHAPES.keys())
def test_it_computes_what_other_ways_compute(
    spec: ConvLSTMSpec, precision: str, other: Products, with_state: bool, recurrence: Recurrence
) -> None:
    table, wanted = backend(precision, recurrence), expected(spec, with_state)
    actual, kernels = on_warpgroups(table, lambda: run_conv_lstm(table, spec, with_state))
    assert kernels == ALL[recurrence]
    assert with_state or spec.T == 1 or all(np.any(array) for array in wanted.values())
    found = errors(actual, wanted)
    assert max(found.values()) < GRADIENT_ERROR[precision], found
    apart = errors(actual, other_way(spec, precision, other, with_state))
    assert max(apart.values()) < AGREEMENT[precision], apart


@pytest.mark.parametrize("recurrence", EACH_WAY)
def test_the_same_factors_make_the_same_sums(recurrence: Recurrence, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inputs that are representable in tf32 lose nothing; of one frame, whose h is no factor any more."""

    def cut(*arguments: Any) -> Results:
        return {
            name: (array.view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32)
            for name, array in random_arrays(*arguments).items()
        }

    monkeypatch.setattr("tests.kernels.cuda.layer_runs.random_arrays", cut)
    spec = replace(LAYER, T=1)
    actual, other = (run_conv_lstm(backend("tf32", recurrence, way), spec) for way in PRODUCTS)
    apart = errors(actual, other)
    assert max(apart[name] for name in ("h", "c")) < 2e-6, apart
    assert max(apart.values()) < 1e-4, apart  # a rounding more or less of dz


BEYOND = {  # channels and filters that warpgroup products do not take, and the convolutions that are left for them
    "nothing is 16 bytes": (3, 3, "bfloat16", set()),
    "gates of three filters are": (3, 3, "tf32", {"windowed_input_backward", "persistent_backward"}),
}


@pytest.mark.parametrize(("C", "F", "precision", "left"), BEYOND.values(), ids=BEYOND.keys())
def test_others_take_what_is_not_whole_chunks(C: int, F: int, precision: str, left: set[str]) -> None:
    spec, table = layer(T=2, B=2, H=5, W=7, C=C, F=F, kh=3, kw=3), backend(precision, "persistent")
    actual, kernels = on_warpgroups(table, lambda: run_conv_lstm(table, spec))
    assert kernels == left
    found = errors(actual, expected(spec))
    assert max(found.values()) < GRADIENT_ERROR[precision], found


def crew(*sizes: int) -> Callable[[GroupTile], bool]:
    return lambda tile: (tile.crews, tile.warpgroups, tile.m_tiles) == sizes and tile.split == 1


def crew_in_one_place(*sizes: int) -> Callable[[GroupTile], bool]:
    """Accept the tiles of recurrences with these sizes, and all tiles of other products."""
    return lambda tile: not tile.one_place or crew(*sizes)(tile)


LARGE = {
    "three products": crew_in_one_place(2, 1, 3),
    "four products": crew(2, 1, 4),
    "three of two": crew_in_one_place(3, 1, 2),
}
"""Crews that have MORE pixels."""


def chunks(tile: GroupTile) -> int:
    """Count the chunks of all channels."""
    return tile.channels * tile.element // CHUNK_BYTES


CUTS: dict[str, tuple[str, Recurrence, Callable[[GroupTile], bool]]] = {
    "two crews, one with nothing to do": ("tf32", "persistent", crew(2, 1, 1)),
    "four crews, three with nothing to do": ("bfloat16", "persistent", crew(4, 1, 1)),
    "four crews in steps": ("tf32", "steps", crew(4, 1, 1)),
    "crews of two products": ("bfloat16", "persistent", crew(2, 1, 2)),
    "crews of three products": ("bfloat16", "persistent", LARGE["three products"]),
    "crews of four products": ("tf32", "persistent", LARGE["four products"]),
    "three crews, one with nothing to do": ("bfloat16", "persistent", crew_in_one_place(3, 1, 1)),
    "three crews of two products": ("tf32", "persistent", LARGE["three of two"]),
    "two warpgroups": ("bfloat16", "persistent", crew(1, 2, 2)),
    "two groups of columns": ("tf32", "persistent", lambda tile: tile.groups == 2),
    "fewer windows than slabs, tf32": (
        "tf32",
        "persistent",
        lambda tile: chunks(tile) <= 4 or tile.buffers < tile.slabs,
    ),
    "fewer windows than slabs, bfloat16": (
        "bfloat16",
        "persistent",
        lambda tile: chunks(tile) <= 4 or tile.buffers < tile.slabs,
    ),
    "weights come with the windows, tf32": ("tf32", "steps", lambda tile: chunks(tile) <= 4 or not tile.resident),
    "weights come with the windows, bfloat16": (
        "bfloat16",
        "steps",
        lambda tile: chunks(tile) <= 4 or not tile.resident,
    ),
}


@pytest.mark.parametrize(("precision", "recurrence", "keep"), CUTS.values(), ids=CUTS.keys())
def test_every_cut(precision: str, recurrence: Recurrence, keep: Callable[[GroupTile], bool], only: Only) -> None:
    """With a BatchNormalization linked, whose sums run over the tiles."""
    only(GroupTile, keep)
    spec = MORE if keep in LARGE.values() else LAYER
    # In steps one block has tile after tile.
    table = backend(precision, recurrence, sm_count=5 if recurrence == "persistent" else 1)
    actual, kernels = on_warpgroups(table, lambda: run_pair(table, spec))
    assert kernels == ALL[recurrence]
    found = errors(actual, expected_of_pair(spec))
    assert max(found.values()) < GRADIENT_ERROR[precision], found


SPLITS = {"tf32": (LAYER, 2), "bfloat16": (MORE, 4)}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_blocks_that_share_channels(precision: str, only: Only, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run one operation repeatedly: its flags count on from run to run."""
    spec, m_tiles = SPLITS[precision]
    only(
        GroupTile,
        lambda tile: (
            not tile.one_place
            or tile.channels == spec.F  # the way forward
            or (tile.split, tile.m_tiles, tile.crews) == (2, m_tiles, 2)
        ),
    )
    table = backend(precision, "persistent")
    tile = backward_tile(spec, precision, table.runtime.limits)
    assert isinstance(tile, GroupTile) and tile.tiles(spec.B, spec.H, spec.W) == 3
    assert blocks_of(spec, tile) == (2, 2), "two crews each, one of which has nothing to do"
    op = table.conv_lstm(spec)
    monkeypatch.setattr(table, "conv_lstm", lambda _: op)
    runs = [run_conv_lstm(table, spec, with_state) for with_state in (True, False, True)]
    for name, array in runs[0].items():
        np.testing.assert_array_equal(runs[2][name], array, err_msg=name)
    for with_state, actual in ((True, runs[0]), (False, runs[1])):
        found = errors(actual, expected(spec, with_state))
        assert max(found.values()) < GRADIENT_ERROR[precision], (with_state, found)
        apart = errors(actual, other_way(spec, precision, "windows", with_state))
        assert max(apart.values()) < AGREEMENT[precision], (with_state, apart)


@pytest.mark.parametrize(("strip", "precision"), list(zip(STRIPS, ["bfloat16", "tf32", "bfloat16"], strict=True)))
def test_strips_compute_what_pixels_in_order_compute(strip: int, precision: str, only: Only) -> None:
    """All four convolutions, with a BatchNormalization linked."""
    spec = layer(T=2, B=1, H=5, W=2 * strip + 5, C=LAYER.C, F=LAYER.F, kh=LAYER.kh, kw=LAYER.kw)
    only(GroupTile, lambda tile: tile.strip == 0)
    in_order = run_pair(backend(precision, "steps"), spec)
    only(GroupTile, lambda tile: tile.strip == strip)
    table = backend(precision, "steps")
    strips, kernels = on_warpgroups(table, lambda: run_pair(table, spec))
    assert kernels == ALL["steps"]
    apart = errors(strips, in_order)
    assert max(apart.values()) < AGREEMENT[precision], apart


@pytest.mark.parametrize("recurrence", EACH_WAY)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_linked_is_as_unlinked(precision: str, recurrence: Recurrence) -> None:
    table = backend(precision, recurrence)
    linked = run_pair(table, LAYER)
    assert all(np.any(array) for array in linked.values())
    far = errors(linked, expected_of_pair(LAYER))
    assert max(far.values()) < GRADIENT_ERROR[precision], far
    apart = errors(linked, run_pair(table, LAYER, linked=False))
    assert max(apart.values()) < AGREEMENT[precision], apart
    assert apart["h"] == 0.0


@pytest.mark.parametrize(("precision", "recurrence"), list(zip(PRECISIONS, EACH_WAY, strict=True)))
def test_the_same_bits_in_any_order_of_blocks(
    precision: str, recurrence: Recurrence, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run_pair(backend(precision, recurrence, seed=1), LAYER)
    again = run_pair(backend(precision, recurrence, seed=2), LAYER)
    monkeypatch.setattr("kernels.cuda.conv_lstm.windowed.windowed_grid", lambda _, tile, limits: (1, tile.groups))
    alone = run_pair(backend(precision, recurrence, seed=3), LAYER)  # one block has the tiles of all frames
    for name, array in first.items():
        np.testing.assert_array_equal(again[name], array, err_msg=name)
        np.testing.assert_array_equal(alone[name], array, err_msg=name)
