"""Weight gradients by products of warpgroups: over odd shapes against float64 and mma.sync, bit for bit each time."""

from dataclasses import replace

import numpy as np
import pytest

from kernels.cuda.launch.dry_runtime import H200, DryRuntime
from kernels.cuda.products.strategy import Products
from kernels.cuda.products.warpgroup.warpgroup_gradient_bf16_tiles import WarpgroupBf16Tile, warpgroup_bf16_tile
from kernels.specs import ConvLSTMSpec
from tests.kernels.cuda.conv_lstm.test_weight_gradients import (
    ERROR,
    EXAMPLE,
    check_the_tile_of_the_example,
    exact_factors,
    expected,
    gradient_kernels,
    plan,
    run,
)
from tests.kernels.cuda.layer_runs import Results, errors

SHAPES = {
    "one pixel": ConvLSTMSpec(T=1, B=1, H=1, W=1, C=8, F=8, kh=1, kw=1),
    "one frame, one image": ConvLSTMSpec(T=1, B=1, H=5, W=4, C=8, F=16, kh=1, kw=3),
    "kernel larger than the frame": ConvLSTMSpec(T=2, B=2, H=2, W=3, C=24, F=8, kh=5, kw=5),
    "several patches down and across": ConvLSTMSpec(T=3, B=2, H=70, W=18, C=8, F=8, kh=3, kw=5),
    "several patches a slice": ConvLSTMSpec(T=5, B=120, H=3, W=17, C=8, F=8, kh=3, kw=3),
    "several groups of columns": ConvLSTMSpec(T=3, B=40, H=3, W=9, C=8, F=40, kh=3, kw=3),
    "several groups of taps": ConvLSTMSpec(T=2, B=1, H=5, W=9, C=40, F=24, kh=5, kw=5),
    "one tap a block": ConvLSTMSpec(T=2, B=1, H=3, W=9, C=160, F=8, kh=3, kw=3),
}


def run_here(spec: ConvLSTMSpec, host: Results, with_state: bool = True, seed: int = 0) -> Results:
    return run(spec, "bfloat16", "warpgroups", host, with_state, seed=seed, architecture="90a")


def tile_of(spec: ConvLSTMSpec) -> WarpgroupBf16Tile:
    tile = warpgroup_bf16_tile(spec, spec.C, True, H200)
    assert tile is not None
    return tile


@pytest.mark.parametrize("spec", SHAPES.values(), ids=SHAPES.keys())
def test_sums_are_those_of_the_definition_and_of_mma_sync(spec: ConvLSTMSpec) -> None:
    host = exact_factors(spec, "bfloat16")
    for with_state in (True, False):
        results = run_here(spec, host, with_state)
        for wanted in (expected(spec, host, with_state), run(spec, "bfloat16", "windows", host, with_state)):
            found = errors(results, wanted)
            assert max(found.values()) < ERROR, (with_state, found)
            assert all(np.any(array != 0) for name, array in results.items() if with_state or spec.T > 1), results


def test_the_same_bits_in_any_order_of_blocks() -> None:
    spec = SHAPES["several patches a slice"]
    host = exact_factors(spec, "bfloat16")
    first, again = (run_here(spec, host, seed=seed) for seed in (1, 2))
    for name, array in first.items():
        np.testing.assert_array_equal(again[name], array, err_msg=name)


def test_the_tile_of_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    check_the_tile_of_the_example(monkeypatch, warpgroup_bf16_tile, 2, "bfloat16", "warpgroups")


def test_shapes_here_reach_every_edge_of_a_tile() -> None:
    """Else the tests above would prove less than their names say."""
    for spec in SHAPES.values():
        assert tile_of(spec) and warpgroup_bf16_tile(spec, spec.F, False, H200), "both would be windows"
    spec = SHAPES["several patches a slice"]
    slices, per_slice = tile_of(spec).slices(tile_of(spec).patches((spec.T - 1) * spec.B, spec.H, spec.W))
    assert slices > 1 and per_slice // 2 > tile_of(spec).stages > 2, "no stage would be used twice"
    assert per_slice % 2 == 1, "crews would have as many patches each"
    assert tile_of(SHAPES["several patches down and across"]).patch_rows < 70
    assert tile_of(SHAPES["several groups of columns"]).groups == (1, 3)
    assert tile_of(SHAPES["several groups of taps"]).groups[0] == 5
    assert tile_of(SHAPES["one tap a block"]).groups[0] == 9
    assert tile_of(SHAPES["one tap a block"]).pieces > 1


CHOICES = {
    "the example": (EXAMPLE, "bfloat16", "auto", "90a", ("warpgroup", "warpgroup")),
    "its first layer": (replace(EXAMPLE, C=1), "bfloat16", "auto", "90a", ("few_inputs", "warpgroup")),
    "another architecture": (EXAMPLE, "bfloat16", "warpgroups", "90", ("windowed", "windowed")),
    "another precision": (EXAMPLE, "float32", "warpgroups", "90a", ("windowed", "windowed")),
    "columns that are copied one by one": (replace(EXAMPLE, F=39), "bfloat16", "warpgroups", "90a", ("windowed",) * 2),
    "taps are read anew for few products": (
        replace(EXAMPLE, C=128),
        "bfloat16",
        "auto",
        "90a",
        ("windowed", "warpgroup"),
    ),
    "whatever it costs": (replace(EXAMPLE, C=128), "bfloat16", "warpgroups", "90a", ("warpgroup", "warpgroup")),
    "channels that are too many": (replace(EXAMPLE, C=168), "bfloat16", "warpgroups", "90a", ("windowed", "warpgroup")),
    "windows are asked for": (EXAMPLE, "bfloat16", "windows", "90a", ("windowed", "windowed")),
    "not wanted": (EXAMPLE, "bfloat16", "gathered", "90a", (None, None)),
}
KERNELS = {
    "warpgroup": "warpgroup_{}_gradient_bf16",
    "windowed": "windowed_{}_gradient",
    "few_inputs": "few_inputs_gradient",
}


@pytest.mark.parametrize(
    ("spec", "precision", "products", "architecture", "ways"), CHOICES.values(), ids=CHOICES.keys()
)
def test_which_way_is_taken(
    spec: ConvLSTMSpec, precision: str, products: Products, architecture: str, ways: tuple[str | None, str | None]
) -> None:
    runtime = DryRuntime(replace(H200, architecture=architecture))
    plan(runtime, spec, precision, products)
    names = zip(ways, ("kernel", "recurrent"), strict=True)
    assert gradient_kernels(runtime) == {KERNELS[way].format(name) for way, name in names if way is not None}
