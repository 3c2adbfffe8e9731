"""The planner of products over all frames: a column belongs to one block, a block fits, and the example is known."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kernels.cuda.common.precision import operand_bytes
from kernels.cuda.launch.launch import DeviceLimits
from kernels.cuda.products.costs import front_bytes, gathered_clocks, windowed_grid
from kernels.cuda.products.tiles import conv_tile
from kernels.cuda.products.windowed.windowed_search import cheapest_tile, windowed_clocks
from kernels.cuda.products.windowed.windowed_tiles import WindowTile
from kernels.specs import PRECISIONS, ConvLSTMSpec
from tests.kernels.cuda.products.planned_layers import EXAMPLE, layers

H200 = DeviceLimits(sm_count=132, shared_bytes_per_block=232_448, threads_per_block=1024, architecture="90")

specs = layers(st.integers(1, 80), st.integers(1, 80), 64, 64)
devices = st.builds(DeviceLimits, st.integers(1, 160), st.integers(8_000, 232_448), st.just(1024), st.just("90"))
precisions = st.sampled_from(PRECISIONS)


def check(
    tile: WindowTile | None, spec: ConvLSTMSpec, precision: str, device: DeviceLimits, channels: int, columns: int
) -> None:
    """channels and columns: of the whole product."""
    assume(tile is not None)
    assert tile is not None
    blocks, groups = windowed_grid(spec, tile, device)
    assert groups == tile.groups and (groups - 1) * tile.columns < columns <= groups * tile.columns
    assert blocks >= 1 and (blocks * groups <= device.sm_count or blocks == 1)
    tiles = tile.tiles(spec.T * spec.B, spec.H, spec.W)
    assert blocks <= tiles, "a block without a tile"
    assert tiles * tile.warps.rows >= spec.T * spec.B * spec.H * spec.W
    assert (tile.slabs - 1) * tile.slab < channels <= tile.slabs * tile.slab
    assert tile.slab % 8 == 0 and tile.columns <= tile.warps.columns
    assert tile.shared_bytes(spec.W) <= device.shared_bytes_per_block
    assert tile.warps.threads <= 256
    assert tile.warps.m_tiles * tile.warps.n_tiles * 4 <= 80, "accumulators of a thread"
    assert windowed_clocks(spec, tile, precision, device) > 0


@given(spec=specs, device=devices, precision=precisions, name=st.sampled_from(["input_forward", "step_forward"]))
def test_forward(spec: ConvLSTMSpec, device: DeviceLimits, precision: str, name: str) -> None:
    tile = cheapest_tile(name, spec, precision, device)
    check(tile, spec, precision, device, spec.C, -(-spec.F // 4) * 16)
    assert tile is not None and tile.warps.n_tiles % 2 == 0, "the gates of a filter would be torn apart"
    assert tile.columns == tile.warps.columns
    assert front_bytes(name, tile) + tile.shared_bytes(spec.W) <= device.shared_bytes_per_block


@given(spec=specs, device=devices, precision=precisions)
def test_backward(spec: ConvLSTMSpec, device: DeviceLimits, precision: str) -> None:
    tile = cheapest_tile("input_backward", spec, precision, device)
    check(tile, spec, precision, device, 4 * spec.F, spec.C)
    assert tile is not None and tile.warps.n_tiles * 8 - tile.columns < 8


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_example_on_an_h200(precision: str) -> None:
    forward, backward = (cheapest_tile(name, EXAMPLE, precision, H200) for name in ("input_forward", "input_backward"))
    assert forward is not None and backward is not None
    assert (forward.columns, forward.groups, forward.slab, forward.resident) == (80, 2, 40, True)
    assert (backward.columns, backward.groups, backward.slab, backward.resident) == (40, 1, 32, False)
    assert (forward.warps.rows, windowed_grid(EXAMPLE, forward, H200)) == (256, (66, 2))
    assert windowed_grid(EXAMPLE, backward, H200) == (132, 1)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_count_of_the_example_is_near_that_by_hand(precision: str) -> None:
    """27.6 GFLOP at the rate of the multiplications, in 14.2 tiles a block that become 15; in float32 a thread of 4 x
    20 sums reads 24 times 16 bytes for 320 multiplications, and so 1.2 times as long as it multiplies.
    """
    tile = cheapest_tile("input_forward", EXAMPLE, precision, H200)
    assert tile is not None
    a_clock = {"float32": 128, "tf32": 645, "bfloat16": 1290}[precision]
    by_hand = 240_000 * 160 * 360 / a_clock / 132 * (1.2 if precision == "float32" else 1.0)
    assert by_hand < windowed_clocks(EXAMPLE, tile, precision, H200) < 1.2 * by_hand
    gathered = conv_tile(360, 160, paired=True, element=operand_bytes(precision))
    assert by_hand < gathered_clocks(EXAMPLE, gathered, precision, H200) < 2 * by_hand
