"""A ConvLSTM's weight gradients, gathered and from patches: odd shapes against float64, bit for bit run after run."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kernels.cuda.common.precision import operand_dtype
from kernels.cuda.conv_lstm.gathered import conv_lstm_defines
from kernels.cuda.conv_lstm.weight_gradients import WeightGradients
from kernels.cuda.launch.dry_runtime import H200, DryRuntime
from kernels.cuda.launch.launch import DeviceLimits, Program, Runtime
from kernels.cuda.launch.workspace import Workspace
from kernels.cuda.products.strategy import Products
from kernels.cuda.products.windowed.windowed_gradient_tiles import windowed_gradient_tile
from kernels.cuda.simulator.runtime import SimRuntime
from kernels.specs import PRECISIONS, ConvLSTMSpec
from tests.kernels.cuda.layer_runs import Array, Results, errors, random_arrays

SHAPES = {
    "one pixel": ConvLSTMSpec(T=1, B=1, H=1, W=1, C=1, F=1, kh=1, kw=1),
    "one frame, one image": ConvLSTMSpec(T=1, B=1, H=5, W=4, C=3, F=5, kh=1, kw=3),
    "kernel larger than the frame": ConvLSTMSpec(T=2, B=2, H=2, W=3, C=2, F=3, kh=5, kw=5),
    "several patches down and across": ConvLSTMSpec(T=3, B=2, H=19, W=18, C=5, F=6, kh=5, kw=1),
    "several patches a slice": ConvLSTMSpec(T=5, B=14, H=5, W=9, C=3, F=2, kh=3, kw=3),
    "several groups of rows and columns": ConvLSTMSpec(T=2, B=1, H=3, W=9, C=40, F=72, kh=3, kw=3),
    "pieces of a row for four": ConvLSTMSpec(T=2, B=1, H=6, W=7, C=256, F=4, kh=3, kw=5),
    "columns of one element": ConvLSTMSpec(T=2, B=1, H=4, W=9, C=8, F=33, kh=3, kw=1),
}

ERROR = 1e-6
"""Relative in norm: factors are exact in every precision here, so that only float32 sums are rounded."""


def exact_factors(spec: ConvLSTMSpec, precision: str) -> Results:
    """x, h, h0 and dz that rounding to the precision leaves as they are."""
    frame = (spec.B, spec.H, spec.W)
    shapes = {"x": (spec.T, *frame, spec.C), "h": (spec.T, *frame, spec.F), "h0": (*frame, spec.F)}
    arrays = random_arrays(0, shapes | {"dz": (spec.T, *frame, spec.F, 4)})
    dropped = {"float32": 0, "tf32": 13, "bfloat16": 16}[precision]
    return {name: (array.view(np.uint32) >> dropped << dropped).view(np.float32) for name, array in arrays.items()}


def expected(spec: ConvLSTMSpec, host: Results, with_state: bool) -> Results:
    """In float64, tap by tap, from the definition."""
    dz = host["dz"].astype(np.float64)
    before = np.concatenate([host["h0"][None] if with_state else np.zeros_like(host["h0"][None]), host["h"][:-1]])
    results = {"dbias": np.moveaxis(dz.sum(axis=(0, 1, 2, 3)), 1, 0).reshape(-1)}
    for name, factor, channels in (("dkernel", host["x"], spec.C), ("drecurrent_kernel", before, spec.F)):
        margins = ((0, 0), (0, 0), (spec.kh // 2,) * 2, (spec.kw // 2,) * 2, (0, 0))
        padded = np.pad(factor.astype(np.float64), margins)
        gradient = np.empty((spec.kh, spec.kw, channels, 4, spec.F))
        for dy in range(spec.kh):
            for dx in range(spec.kw):
                moved = padded[:, :, dy : dy + spec.H, dx : dx + spec.W]
                gradient[dy, dx] = np.einsum("tbhwc,tbhwfg->cgf", moved, dz)
        results[name] = gradient.reshape(spec.kh, spec.kw, channels, 4 * spec.F)
    return results


def on_device(runtime: SimRuntime, precision: str, array: Array) -> Any:
    """As the kernels read it: in bfloat16 the upper half of every number."""
    if precision == "bfloat16":
        return runtime.from_host(array.view(np.uint32) >> 16, operand_dtype(precision))
    return runtime.from_host(array, np.float32)


def plan(runtime: Runtime, spec: ConvLSTMSpec, precision: str, products: Products) -> WeightGradients:
    program = Program(runtime, "conv_lstm/conv_lstm.cu", conv_lstm_defines(spec, precision))
    return WeightGradients(runtime, Workspace(runtime), program, spec, precision, products)


def run(
    spec: ConvLSTMSpec, precision: str, products: Products, host: Results, with_state: bool = True, **device: Any
) -> Results:
    """The three gradients on the simulator, every access checked."""
    runtime = SimRuntime(**device)
    x, h, h0, dz = (on_device(runtime, precision, host[name]) for name in ("x", "h", "h0", "dz"))
    results = {
        "dkernel": runtime.empty((spec.kh, spec.kw, spec.C, 4 * spec.F), np.float32),
        "drecurrent_kernel": runtime.empty((spec.kh, spec.kw, spec.F, 4 * spec.F), np.float32),
        "dbias": runtime.empty((4 * spec.F,), np.float32),
    }
    plan(runtime, spec, precision, products)(x, h, h0 if with_state else None, dz, **results)
    return {name: runtime.to_host(array) for name, array in results.items()}


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("spec", SHAPES.values(), ids=SHAPES.keys())
def test_sums_are_those_of_the_definition(precision: str, spec: ConvLSTMSpec) -> None:
    host = exact_factors(spec, precision)
    for with_state in (True, False):
        wanted = expected(spec, host, with_state)
        for products in ("windows", "gathered"):
            found = errors(run(spec, precision, products, host, with_state), wanted)
            assert max(found.values()) < ERROR, (products, with_state, found)


def test_x_is_rounded_on_its_way_in_tf32() -> None:
    """To nearest, as the gathered kernel does: it alone rounds, so the two differ by the order of their sums."""
    spec = SHAPES["several patches down and across"]
    host = exact_factors(spec, "float32")
    host["dz"] = exact_factors(spec, "tf32")["dz"]
    windowed, gathered = (run(spec, "tf32", products, host) for products in ("windows", "gathered"))
    apart, off = errors(windowed, gathered), errors(windowed, expected(spec, host, with_state=True))
    assert max(apart.values()) < ERROR, apart
    assert 1e-5 < off["dkernel"] < 1e-3


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_same_bits_in_any_order_of_blocks(precision: str) -> None:
    spec = SHAPES["several patches a slice"]
    host = exact_factors(spec, precision)
    first = run(spec, precision, "windows", host, seed=1)
    for device in ({"seed": 2}, {"seed": 3, "sm_count": 1}):
        again = run(spec, precision, "windows", host, **device)
        for name, array in first.items():
            np.testing.assert_array_equal(again[name], array, err_msg=name)


def test_shapes_here_reach_every_edge_of_a_tile() -> None:
    """Else the tests above would prove less than their names say."""
    limits = SimRuntime().limits

    def tiles(name: str) -> list[Any]:
        spec = SHAPES[name]
        return [windowed_gradient_tile(spec, spec.C, True, precision, limits) for precision in PRECISIONS]

    for tile in tiles("several patches a slice"):
        slices, per_slice = tile.slices(tile.patches(5 * 14, 5, 9))
        assert slices > 1 and per_slice > 1
    assert any(tile.groups[0] > 1 and tile.groups[1] > 1 for tile in tiles("several groups of rows and columns"))
    assert all(tile.pieces > 2 for tile in tiles("pieces of a row for four")[:2])


WARPS = replace(H200, architecture="90")
"""As large, but without warpgroup products: test_warpgroup_gradients_*.py are about those."""

EXAMPLE = ConvLSTMSpec(T=15, B=10, H=40, W=40, C=40, F=40, kh=3, kw=3)
CHOICES = {
    "the example": (EXAMPLE, "tf32", "auto", WARPS, {"kernel", "recurrent"}),
    "the example in bfloat16": (EXAMPLE, "bfloat16", "auto", WARPS, {"kernel", "recurrent"}),
    "its first layer": (replace(EXAMPLE, C=1), "tf32", "auto", WARPS, {"recurrent"}),
    "channels that are copied one by one": (replace(EXAMPLE, C=41), "tf32", "auto", WARPS, {"recurrent"}),
    "its first layer in bfloat16": (replace(EXAMPLE, C=1), "bfloat16", "auto", WARPS, {"recurrent"}),
    "multiplications rule": (EXAMPLE, "float32", "auto", WARPS, set()),
    "patches wider than frames": (replace(EXAMPLE, W=3), "tf32", "auto", WARPS, set()),
    "little shared memory": (EXAMPLE, "tf32", "auto", DeviceLimits(4, 16_384, 1024, "90"), set()),
    "asked for": (EXAMPLE, "float32", "windows", WARPS, {"kernel", "recurrent"}),
    "not wanted": (EXAMPLE, "tf32", "gathered", WARPS, set()),
}


@pytest.mark.parametrize(("spec", "precision", "products", "limits", "windowed"), CHOICES.values(), ids=CHOICES.keys())
def test_which_way_is_taken(
    spec: ConvLSTMSpec, precision: str, products: Products, limits: DeviceLimits, windowed: set[str]
) -> None:
    runtime = DryRuntime(limits)
    plan(runtime, spec, precision, products)
    programs = {source.name for source, _ in runtime.programs.values()}
    assert programs - {"few_inputs.cu"} == {"conv_lstm.cu"} | ({"windowed_gradient.cu"} if windowed else set())
    assert gradient_kernels(runtime) - {"few_inputs_gradient"} == {f"windowed_{name}_gradient" for name in windowed}


def gradient_kernels(runtime: DryRuntime) -> set[str]:
    """The kernels of weight gradients in programs other than conv_lstm.cu."""
    others = (kernels for source, kernels in runtime.programs.values() if source.name != "conv_lstm.cu")
    return {name for kernels in others for name in kernels if "gradient" in name}


def check_the_tile_of_the_example(
    monkeypatch: pytest.MonkeyPatch, planner: Callable[..., Any], frames: int, precision: str, products: Products
) -> None:
    """That its gradients are those of the definition, on fewer pixels than `planner` chooses it for."""
    tiles: list[Any] = []

    def of_the_example(_: ConvLSTMSpec, *arguments: Any) -> Any:
        tiles.append(planner(EXAMPLE, *arguments))
        return tiles[-1]

    monkeypatch.setattr(f"{planner.__module__}.{planner.__name__}", of_the_example)
    spec = replace(EXAMPLE, T=frames, B=1, W=9)
    host = exact_factors(spec, precision)
    results = run(spec, precision, products, host, architecture="90a" if products == "warpgroups" else "90")
    found = errors(results, expected(spec, host, with_state=True))
    assert max(found.values()) < ERROR, found
    assert len(set(tiles)) == 2 and all(tiles), "the tiles of both gradients were asked for, and there are such"


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_tile_of_the_example(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_the_tile_of_the_example(monkeypatch, windowed_gradient_tile, 3, precision, "windows")


def test_windows_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="products: expected 'auto' or 'gathered' where windows do not fit, got"):
        plan(DryRuntime(DeviceLimits(4, 8_192, 1024, "90")), EXAMPLE, "float32", "windows")
