"""The planner of windowed weight gradients: all sums and pixels are covered, tiles fit, and the example is known."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kernels.cuda.common.precision import operand_bytes
from kernels.cuda.launch.dry_runtime import H200
from kernels.cuda.launch.launch import DeviceLimits
from kernels.cuda.products.costs import gathered_gradient_clocks
from kernels.cuda.products.tiles import gradient_tile
from kernels.cuda.products.windowed.windowed_gradient_tiles import (
    windowed_gradient_clocks,
    windowed_gradient_tile,
)
from kernels.specs import PRECISIONS, ConvLSTMSpec
from tests.kernels.cuda.products.planned_layers import EXAMPLE, check_slices, layers

L40S = DeviceLimits(142, 101_376, 1024, "89")

specs = layers(st.integers(1, 300), st.integers(1, 300), 300, 300)


@given(spec=specs, bias=st.booleans(), precision=st.sampled_from(PRECISIONS), shared_bytes=st.integers(8_000, 232_448))
def test_a_tile_covers_everything_and_fits(spec: ConvLSTMSpec, bias: bool, precision: str, shared_bytes: int) -> None:
    tile = windowed_gradient_tile(spec, spec.C, bias, precision, DeviceLimits(4, shared_bytes, 1024, "90"))
    assume(tile is not None)
    assert tile is not None
    rows, columns = tile.groups
    assert (rows - 1) * tile.warps.rows < spec.kh * spec.kw * -(-spec.C // 8) * 8 + bias <= rows * tile.warps.rows
    assert (columns - 1) * tile.warps.columns < 4 * spec.F <= columns * tile.warps.columns
    assert tile.warps.threads == 256
    assert tile.warps.m_tiles * tile.warps.n_tiles * 4 <= 120, "accumulators of a thread"
    assert tile.shared_bytes <= shared_bytes
    assert tile.pieces * tile.warps.threads * 16 >= tile.copied_bytes / (tile.patch_rows + spec.kh - 1) > 0
    assert tile.patch_rows % (4 if precision == "bfloat16" else 2) == 0, "two steps of the mma"
    slices = check_slices(tile, spec, blocks=132)
    assert tile.grid(slices) == (rows, columns, slices)


def test_no_pixels_need_no_slice() -> None:
    tile = windowed_gradient_tile(EXAMPLE, 40, False, "tf32", H200)
    assert tile is not None and tile.slices(tile.patches(0, 40, 40))[0] == 0


@pytest.mark.parametrize(
    ("precision", "limits", "patch_rows"),
    [("tf32", H200, 20), ("bfloat16", H200, 40), ("tf32", L40S, 10), ("bfloat16", L40S, 20)],
)
def test_the_example(precision: str, limits: DeviceLimits, patch_rows: int) -> None:
    """All taps and half of the columns in a block; patches as large as shared memory allows."""
    tile = windowed_gradient_tile(EXAMPLE, 40, True, precision, limits)
    assert tile is not None
    assert (tile.warps.rows, tile.warps.columns, tile.groups) == (384, 80, (1, 2))
    assert tile.patch_rows == patch_rows


@pytest.mark.parametrize(("precision", "share"), [("tf32", 0.67), ("bfloat16", 0.7)])
def test_the_example_costs_less_than_gathered(precision: str, share: float) -> None:
    tile = windowed_gradient_tile(EXAMPLE, 40, True, precision, H200)
    gathered = gradient_tile(361, 160, operand_bytes(precision))
    assert tile is not None
    clocks = windowed_gradient_clocks(EXAMPLE, tile, precision)
    assert clocks < share * gathered_gradient_clocks(EXAMPLE, gathered, precision)
