"""The planner of weight gradients by warpgroup products: all sums and pixels are covered, tiles fit."""

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from kernels.cuda.launch.dry_runtime import H200
from kernels.cuda.launch.launch import DeviceLimits
from kernels.cuda.products.costs import BEYOND_COUNT, gathered_gradient_clocks
from kernels.cuda.products.tiles import gradient_tile
from kernels.cuda.products.warpgroup.warpgroup_gradient_tf32_tiles import warpgroup_tf32_clocks, warpgroup_tf32_tile
from kernels.cuda.products.windowed.windowed_gradient_tiles import (
    windowed_gradient_clocks,
    windowed_gradient_tile,
)
from kernels.specs import ConvLSTMSpec
from tests.kernels.cuda.products.planned_layers import EXAMPLE, check_slices, layers

eights = st.integers(1, 40).map(lambda n: 8 * n)
specs = layers(eights, st.integers(1, 300), 300, 300, kh=st.sampled_from([1, 3, 5, 7]))


@given(spec=specs, bias=st.booleans(), shared_bytes=st.integers(8_000, 232_448))
def test_a_tile_covers_everything_and_fits(spec: ConvLSTMSpec, bias: bool, shared_bytes: int) -> None:
    tile = warpgroup_tf32_tile(spec, spec.C, bias, DeviceLimits(4, shared_bytes, 1024, "90a"))
    assume(tile is not None)
    assert tile is not None
    places, columns = tile.groups
    assert (places - 1) * 128 < spec.kw * spec.C + bias <= places * 128
    assert (columns - 1) * tile.block_columns < 4 * spec.F <= columns * tile.block_columns
    assert tile.block_columns % 8 == 0 and tile.block_columns <= 160
    assert tile.kh * tile.block_columns // 2 + 4 * (tile.kh + 1) <= 136, "sums and factors of a thread"
    assert tile.patch_rows % (spec.kh + 1) == 0
    assert 8 * tile.patch_rows * tile.block_columns <= 7 * 128 * 16, "squares of the threads that copy"
    assert tile.shared_bytes <= shared_bytes
    check_slices(tile, spec, blocks=132)


def test_the_example() -> None:
    """Every place and half of the columns in a block."""
    tile = warpgroup_tf32_tile(EXAMPLE, 40, True, H200)
    assert tile is not None
    assert (tile.block_columns, tile.patch_rows, tile.groups) == (80, 20, (1, 2))
    assert tile.slices(tile.patches(150, 40, 40)) == (66, 23)


def test_the_example_costs_less_than_the_other_ways() -> None:
    tile = warpgroup_tf32_tile(EXAMPLE, 40, True, H200)
    windowed = windowed_gradient_tile(EXAMPLE, 40, True, "tf32", H200)
    assert tile is not None and windowed is not None
    clocks = warpgroup_tf32_clocks(EXAMPLE, tile)
    assert clocks < 0.7 * windowed_gradient_clocks(EXAMPLE, windowed, "tf32")
    assert clocks < 0.7 * gathered_gradient_clocks(EXAMPLE, gradient_tile(361, 160), "tf32")


def test_where_patches_are_wider_than_frames_it_costs_more() -> None:
    spec = replace(EXAMPLE, W=1)
    tile = warpgroup_tf32_tile(spec, 40, True, H200)
    assert tile is not None
    gathered = gathered_gradient_clocks(spec, gradient_tile(361, 160), "tf32")
    assert warpgroup_tf32_clocks(spec, tile) > BEYOND_COUNT * gathered


def test_what_the_kernel_cannot_run_has_no_tile() -> None:
    assert warpgroup_tf32_tile(replace(EXAMPLE, C=44), 44, True, H200) is None
    assert warpgroup_tf32_tile(replace(EXAMPLE, kh=11), 40, True, H200) is None
    assert warpgroup_tf32_tile(EXAMPLE, 40, True, replace(H200, architecture="90")) is None
    assert warpgroup_tf32_tile(replace(EXAMPLE, W=1_700_000), 40, True, H200) is None, "offsets have 32 bits"
