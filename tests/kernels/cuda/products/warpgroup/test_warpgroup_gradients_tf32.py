"""The weight gradients of a ConvLSTM by warpgroup products: as test_weight_gradients.py holds the other ways to."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kernels.cuda.launch.dry_runtime import H200, DryRuntime
from kernels.cuda.launch.launch import DeviceLimits
from kernels.cuda.products.strategy import Products
from kernels.cuda.products.warpgroup.warpgroup_gradient_tf32_tiles import warpgroup_tf32_tile
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
    "one frame, one image": ConvLSTMSpec(T=1, B=1, H=5, W=4, C=24, F=8, kh=1, kw=3),
    "kernel larger than the frame": ConvLSTMSpec(T=2, B=2, H=2, W=3, C=8, F=16, kh=5, kw=5),
    "several patches down and across": ConvLSTMSpec(T=3, B=2, H=19, W=18, C=24, F=8, kh=5, kw=1),
    "several patches a slice": ConvLSTMSpec(T=5, B=14, H=5, W=9, C=8, F=8, kh=3, kw=3),
    "several groups of places and columns": ConvLSTMSpec(T=2, B=1, H=3, W=9, C=40, F=56, kh=3, kw=5),
    "the bias alone in its group": ConvLSTMSpec(T=2, B=1, H=6, W=7, C=128, F=40, kh=1, kw=1),
    "filters that are no multiple of eight": ConvLSTMSpec(T=2, B=1, H=4, W=9, C=40, F=33, kh=3, kw=5),
}

SMALL = {"several patches down and across": 80_000}
"""Shared memory of a block, where a device's own would leave nothing to test."""


def by_warpgroups(spec: ConvLSTMSpec, host: Results, with_state: bool = True, **device: Any) -> Results:
    return run(spec, "tf32", "warpgroups", host, with_state, architecture="90a", **device)


@pytest.mark.parametrize("name", SHAPES)
def test_sums_are_those_of_the_definition(name: str) -> None:
    spec = SHAPES[name]
    host = exact_factors(spec, "tf32")
    device = {"shared_bytes_per_block": SMALL[name]} if name in SMALL else {}
    for with_state in (True, False):
        found = errors(by_warpgroups(spec, host, with_state, **device), expected(spec, host, with_state))
        assert max(found.values()) < ERROR, (with_state, found)


def test_x_is_rounded_on_its_way_in() -> None:
    """To nearest, as the other ways do: they differ by the order of their sums."""
    spec = SHAPES["several patches down and across"]
    host = exact_factors(spec, "float32")
    host["dz"] = exact_factors(spec, "tf32")["dz"]
    found = by_warpgroups(spec, host)
    for products in ("windows", "gathered"):
        apart = errors(found, run(spec, "tf32", products, host))
        assert max(apart.values()) < ERROR, (products, apart)
    off = errors(found, expected(spec, host, with_state=True))
    assert 1e-5 < off["dkernel"] < 1e-3


def test_the_same_bits_in_any_order_of_blocks() -> None:
    spec = SHAPES["several patches a slice"]
    host = exact_factors(spec, "tf32")
    first = by_warpgroups(spec, host, seed=1)
    for device in ({"seed": 2}, {"seed": 3, "sm_count": 1}):
        again = by_warpgroups(spec, host, **device)
        for name, array in first.items():
            np.testing.assert_array_equal(again[name], array, err_msg=name)


def test_shapes_here_reach_every_edge_of_a_tile() -> None:
    """Else the tests above would prove less than their names say."""

    def tile(name: str) -> Any:
        limits = replace(H200, shared_bytes_per_block=SMALL.get(name, H200.shared_bytes_per_block))
        return warpgroup_tf32_tile(SHAPES[name], SHAPES[name].C, True, limits)

    assert all(tile(name) is not None for name in SHAPES), "it would be windows"
    assert tile("several patches down and across").patch_rows < 19
    several = tile("several patches a slice")
    slices, per_slice = several.slices(several.patches(5 * 14, 5, 9))
    assert slices > 1 and per_slice > 1
    assert tile("the bias alone in its group").groups[0] == 2
    assert min(tile("several groups of places and columns").groups) > 1


CHOICES = {
    "the example": (EXAMPLE, "tf32", "auto", H200, {"kernel", "recurrent"}),
    "asked for": (replace(EXAMPLE, W=1), "tf32", "warpgroups", H200, {"kernel", "recurrent"}),
    "where no windows fit": (replace(EXAMPLE, C=424), "tf32", "auto", H200, {"kernel", "recurrent"}),
    "windows are asked for": (EXAMPLE, "tf32", "windows", H200, set()),
    "not wanted": (EXAMPLE, "tf32", "gathered", H200, set()),
    "its first layer": (replace(EXAMPLE, C=1), "tf32", "auto", H200, {"recurrent"}),
    "channels that are no eights": (replace(EXAMPLE, C=44), "tf32", "warpgroups", H200, {"recurrent"}),
    "patches wider than frames": (replace(EXAMPLE, W=1), "tf32", "auto", H200, set()),
    "sums for every row of a high kernel": (replace(EXAMPLE, kh=31, kw=1), "tf32", "warpgroups", H200, set()),
    "another precision": (EXAMPLE, "bfloat16", "warpgroups", H200, set()),
    "another architecture": (EXAMPLE, "tf32", "warpgroups", replace(H200, architecture="90"), set()),
    "little shared memory": (EXAMPLE, "tf32", "warpgroups", replace(H200, shared_bytes_per_block=16_384), set()),
}


@pytest.mark.parametrize(("spec", "precision", "products", "limits", "chosen"), CHOICES.values(), ids=CHOICES.keys())
def test_which_way_is_taken(
    spec: ConvLSTMSpec, precision: str, products: Products, limits: DeviceLimits, chosen: set[str]
) -> None:
    runtime = DryRuntime(limits)
    plan(runtime, spec, precision, products)
    found = {name for name in gradient_kernels(runtime) if name.endswith("tf32")}
    assert found == {f"warpgroup_{name}_gradient_tf32" for name in chosen}


def test_the_tile_of_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    check_the_tile_of_the_example(monkeypatch, warpgroup_tf32_tile, 3, "tf32", "warpgroups")
