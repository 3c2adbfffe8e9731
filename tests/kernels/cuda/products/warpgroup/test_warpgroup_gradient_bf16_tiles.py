"""The planner of weight gradients by products of warpgroups: all sums and pixels are covered, and tiles fit."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kernels.cuda.launch.dry_runtime import H200
from kernels.cuda.products.costs import BEYOND_COUNT, gathered_gradient_clocks
from kernels.cuda.products.tiles import gradient_tile
from kernels.cuda.products.warpgroup.warpgroup_gradient_bf16_tiles import warpgroup_bf16_clocks, warpgroup_bf16_tile
from kernels.cuda.products.windowed.windowed_gradient_tiles import (
    windowed_gradient_clocks,
    windowed_gradient_tile,
)
from kernels.specs import ConvLSTMSpec
from tests.kernels.cuda.products.planned_layers import EXAMPLE, check_slices, layers

eights = st.integers(1, 25).map(lambda n: 8 * n)
pairs = st.integers(1, 150).map(lambda n: 2 * n)
kernel_sizes = st.sampled_from([1, 3, 5, 9])
specs = layers(eights, pairs, 300, 300, kernel_sizes, kernel_sizes)


@given(spec=specs, bias=st.booleans(), shared_bytes=st.integers(30_000, 232_448))
def test_a_tile_covers_everything_and_fits(spec: ConvLSTMSpec, bias: bool, shared_bytes: int) -> None:
    limits = replace(H200, shared_bytes_per_block=shared_bytes)
    tile = warpgroup_bf16_tile(spec, spec.C, bias, limits)
    assume(tile is not None)
    assert tile is not None
    taps, columns = tile.groups
    assert taps * tile.tap_rows * tile.tap_columns == spec.kh * spec.kw
    assert (columns - 1) * 64 < 4 * spec.F <= columns * 64
    assert tile.product_columns % 8 == 0 and tile.product_columns <= 160
    assert tile.tap_columns * tile.product_columns / 2 + 4 * bias <= 184, "accumulators of a thread"
    assert tile.shared_bytes <= shared_bytes
    handed = (tile.accumulators - 4 * bias) // 2 + bias  # the bias has eight columns, of which one is wanted
    assert tile.shared_bytes >= 2 * 128 * 4 * handed, "crews hand each other half of their sums"
    assert tile.pieces * 128 * 16 >= tile.copied_bytes / (tile.patch_rows + spec.kh - 1) > 0
    assert tile.patch_rows % 4 == 0, "two products"
    assert 2 <= tile.stages <= 4
    slices = check_slices(tile, spec, blocks=132)
    assert tile.grid(slices) == (taps, columns, slices)


def test_no_pixels_need_no_slice() -> None:
    tile = warpgroup_bf16_tile(EXAMPLE, 40, False, H200)
    assert tile is not None and tile.slices(tile.patches(0, 40, 40))[0] == 0


def test_the_example() -> None:
    """All taps in a block, three groups of columns; patches three ahead."""
    tile = warpgroup_bf16_tile(EXAMPLE, 40, True, H200)
    assert tile is not None
    assert (tile.tap_rows, tile.tap_columns, tile.groups) == (3, 3, (1, 3))
    assert (tile.stages, tile.patch_rows) == (4, 8)
    assert tile.slices(tile.patches(150, 40, 40)) == (44, 86)


@pytest.mark.parametrize("channels", [40, 64])
def test_it_costs_less_than_the_other_ways(channels: int) -> None:
    """Whose kernels are beyond their counts."""
    spec = replace(EXAMPLE, C=channels)
    tile = warpgroup_bf16_tile(spec, channels, True, H200)
    windowed = windowed_gradient_tile(spec, channels, True, "bfloat16", H200)
    assert tile is not None and windowed is not None
    gathered = gradient_tile(9 * channels + 1, 160, 2)
    others = windowed_gradient_clocks(spec, windowed, "bfloat16"), gathered_gradient_clocks(spec, gathered, "bfloat16")
    assert 0 < warpgroup_bf16_clocks(spec, tile) < BEYOND_COUNT * min(others)


@pytest.mark.parametrize("spec", [replace(EXAMPLE, C=44), replace(EXAMPLE, F=39)], ids=["channels", "columns"])
def test_rows_that_are_no_whole_pieces_have_no_tile(spec: ConvLSTMSpec) -> None:
    assert warpgroup_bf16_tile(spec, spec.C, True, H200) is None


def test_another_architecture_has_no_tile() -> None:
    assert warpgroup_bf16_tile(EXAMPLE, 40, True, replace(H200, architecture="90")) is None
