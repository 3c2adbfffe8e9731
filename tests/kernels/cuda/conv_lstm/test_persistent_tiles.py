"""The planner of persistent recurrences: a state belongs to one block, all blocks fit, and the example is known."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kernels.cuda.conv_lstm.persistent_tiles import backward_tile, blocks_of, forward_tile
from kernels.cuda.launch.launch import DeviceLimits
from kernels.cuda.products.windowed.windowed_tiles import WindowTile
from kernels.specs import PRECISIONS, ConvLSTMSpec
from tests.kernels.cuda.products.planned_layers import layers

H200 = DeviceLimits(sm_count=132, shared_bytes_per_block=232_448, threads_per_block=1024, architecture="90")

specs = layers(st.just(1), st.integers(1, 80), 64, 64)
devices = st.builds(DeviceLimits, st.integers(1, 160), st.integers(8_000, 232_448), st.just(1024), st.just("90"))


def check(tile: WindowTile | None, spec: ConvLSTMSpec, device: DeviceLimits, columns: int) -> None:
    """columns: of the whole product."""
    assume(tile is not None)
    assert tile is not None
    blocks, groups = blocks_of(spec, tile)
    assert blocks * groups <= device.sm_count
    assert (blocks - 1) * tile.warps.rows < spec.B * spec.H * spec.W <= blocks * tile.warps.rows
    assert (groups - 1) * tile.columns < columns <= groups * tile.columns
    assert tile.columns <= tile.warps.columns
    assert tile.shared_bytes(spec.W) <= device.shared_bytes_per_block
    assert tile.warps.threads <= 256
    assert tile.warps.m_tiles * tile.warps.n_tiles * 4 <= 80, "accumulators of a thread"
    assert tile.slab % 8 == 0


@given(spec=specs, device=devices, precision=st.sampled_from(PRECISIONS))
def test_forward(spec: ConvLSTMSpec, device: DeviceLimits, precision: str) -> None:
    tile = forward_tile(spec, precision, device)
    check(tile, spec, device, -(-spec.F // 4) * 16)
    assert tile is not None and tile.warps.n_tiles % 2 == 0, "the gates of a filter would be torn apart"
    assert tile.columns == tile.warps.columns


@given(spec=specs, device=devices, precision=st.sampled_from(PRECISIONS))
def test_backward(spec: ConvLSTMSpec, device: DeviceLimits, precision: str) -> None:
    tile = backward_tile(spec, precision, device)
    check(tile, spec, device, spec.F)
    assert tile is not None and tile.warps.n_tiles * 8 - tile.columns < 8


@pytest.mark.parametrize(
    ("precision", "rows", "filters", "grid"),
    [("float32", 256, 20, (63, 2)), ("tf32", 256, 20, (63, 2)), ("bfloat16", 128, 40, (125, 1))],
)
def test_the_example_on_an_h200(precision: str, rows: int, filters: int, grid: tuple[int, int]) -> None:
    spec = ConvLSTMSpec(T=15, B=10, H=40, W=40, C=40, F=40, kh=3, kw=3)
    forward, backward = (choose(spec, precision, H200) for choose in (forward_tile, backward_tile))
    assert forward is not None and backward is not None
    assert (forward.warps.rows, forward.columns, blocks_of(spec, forward)) == (rows, 4 * filters, grid)
    assert (backward.warps.rows, backward.columns, blocks_of(spec, backward)) == (rows, filters, grid)


def test_a_batch_that_does_not_fit_has_no_tile() -> None:
    spec = ConvLSTMSpec(T=15, B=11, H=40, W=40, C=40, F=40, kh=3, kw=3)
    assert forward_tile(spec, "tf32", H200) is None
    assert backward_tile(spec, "tf32", H200) is None
