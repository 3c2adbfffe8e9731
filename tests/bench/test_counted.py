"""What is counted without a GPU: the arithmetic of the layers, and half the bytes in half the bits."""

import pytest

from bench.counted import cost_table, count_step, main, table
from bench.cuda.arithmetic import flop
from bench.cuda.launches import Launch
from bench.cuda.sizes import REHEARSAL
from bench.peers.work import Work
from bench.product_costs import LAYERS, product_costs
from kernels.specs import ConvLSTMSpec

WIDE = Work("train", filters=(16, 16), kernels=(3, 3), batch=4, frames=6, height=64, width=64)


def moved_of_pixels(launch: Launch) -> int:
    """Without partial sums: a weight gradient has as many as its tile has slices."""
    partial = launch.arguments.get("partial")
    return launch.moved_bytes - (0 if partial is None else partial.nbytes)


def test_half_the_bits_are_about_half_the_bytes() -> None:
    counted = {precision: count_step(WIDE, precision) for precision in ("float32", "tf32", "bfloat16")}
    gflop = {sum(map(flop, launches)) / 1e9 for launches, _ in counted.values()}
    assert len(gflop) == 1, "rounding changes no arithmetic"
    assert 0.75 < gflop.pop() / WIDE.gflop() < 1.0, (
        "all but the gradient of the movies and what frame 0 has no past for"
    )
    moved = {name: sum(map(moved_of_pixels, launches)) for name, (launches, _) in counted.items()}
    held = {name: n_bytes for name, (_, n_bytes) in counted.items()}
    assert moved["float32"] == pytest.approx(moved["tf32"], rel=1e-3)  # packed weights are padded for their tiles
    assert 0.5 < moved["bfloat16"] / moved["tf32"] < 0.6
    assert 0.5 < held["bfloat16"] / held["tf32"] < 0.8  # partial sums are float32 in both, and more in bfloat16


def test_a_line_for_every_kernel(capsys: pytest.CaptureFixture[str]) -> None:
    launches, _ = count_step(REHEARSAL.step, "tf32")
    lines = table(launches)
    assert len(lines) == len({(launch.source.name, launch.kernel) for launch in launches}) > 15
    with pytest.raises(SystemExit) as ended:
        main(["--precisions", "fp8"])
    assert ended.value.code == 2
    assert "fp8" in capsys.readouterr().err


def test_what_the_rule_counts_is_printed_for_every_convolution() -> None:
    costs = product_costs(LAYERS["40 -> 40, 40x40, batch 10, 15 frames"], "tf32")
    assert all(windows is not None and 0 < windows < gathered for gathered, windows, _ in costs.values())
    assert all(warpgroups is not None and 0 < warpgroups < gathered for gathered, _, warpgroups in costs.values())
    assert len(cost_table({"a layer": costs})) == 1 + len(costs)
    in_float32 = product_costs(LAYERS["40 -> 40, 40x40, batch 10, 15 frames"], "float32")
    assert all(warpgroups is None for _, _, warpgroups in in_float32.values())
    no_window = product_costs(ConvLSTMSpec(T=1, B=1, H=8, W=8, C=8, F=8, kh=5, kw=7), "tf32")
    assert all(windows is None for _, windows, _ in no_window.values())
    assert cost_table({"a layer": no_window})[1].split()[-2] == "-"
