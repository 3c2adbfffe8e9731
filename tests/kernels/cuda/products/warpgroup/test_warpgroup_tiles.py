"""The planners of tiles on warpgroup products: what they promise the kernels, and the example on an H200."""

from dataclasses import replace
from math import prod
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kernels.cuda.common.precision import operand_bytes
from kernels.cuda.conv_lstm.gathered import Gathered
from kernels.cuda.conv_lstm.persistent_tiles import (
    Tile,
    backward_front,
    backward_tile,
    blocks_of,
    forward_front,
    forward_tile,
)
from kernels.cuda.conv_lstm.windowed import Warpgroups, Windows
from kernels.cuda.launch.launch import DeviceLimits
from kernels.cuda.products.costs import front_bytes, windowed_grid
from kernels.cuda.products.strategy import Product, Products, choose
from kernels.cuda.products.warpgroup.warpgroup_search import cheapest_group_tile, group_clocks
from kernels.cuda.products.warpgroup.warpgroup_tiles import GroupTile
from kernels.specs import PRECISIONS, ConvLSTMSpec
from tests.kernels.cuda.products.planned_layers import EXAMPLE, layers

H200 = DeviceLimits(sm_count=132, shared_bytes_per_block=232_448, threads_per_block=1024, architecture="90a")
CLOCKS = 1830
"""Clocks of an H200 in a microsecond."""


fours = st.integers(1, 20).map(lambda n: 4 * n)
specs = layers(fours, fours, 64, 200)
devices = st.builds(DeviceLimits, st.integers(1, 160), st.integers(60_000, 232_448), st.just(1024), st.just("90a"))
precisions = st.sampled_from(["tf32", "bfloat16"])


def check(tile: Tile | None, spec: ConvLSTMSpec, channels: int, columns: int, shared_bytes: int) -> GroupTile:
    """What any tile promises; channels and columns: of the whole product, shared_bytes: what is left for it."""
    assume(isinstance(tile, GroupTile))
    assert isinstance(tile, GroupTile)
    assert (tile.groups - 1) * tile.columns < columns <= tile.groups * tile.columns
    assert 0 <= tile.padded_columns - tile.columns < 8
    assert tile.padded_columns <= 160, "columns of a product"
    assert tile.threads == 128 * tile.warpgroups * tile.crews <= 512
    assert tile.m_tiles * tile.padded_columns // 2 <= (40 if tile.threads > 256 else 80), "accumulators of a thread"
    assert tile.shared_bytes(spec.W) <= shared_bytes

    own, slab = channels * tile.element // tile.split, 16 * tile.chunks
    assert (tile.slabs - 1) * slab < own <= tile.slabs * slab, "channels of a block"
    assert tile.window_rows(spec.W) >= tile.rows + (spec.kh - 1) * tile.pitch(spec.W) + spec.kw - 1

    if tile.chunks % 2 == 1:  # a product has two taps at a time, one behind the other: a descriptor has no minus
        taps = [dy * tile.pitch(spec.W) + dx for dy in range(spec.kh) for dx in range(spec.kw)]
        assert taps == sorted(taps)

    weights = prod(tile.packed_shape) * tile.element  # of all blocks: no tap of a chunk is left out, one may be added
    one_tap = tile.shares * tile.slabs * tile.padded_columns * 16
    assert spec.kh * spec.kw * tile.chunks <= weights // one_tap <= spec.kh * spec.kw * tile.chunks + 1
    held = tile.shares if tile.resident else tile.shares * tile.slabs / tile.buffers
    assert tile.shared_bytes(spec.W) > weights / held + tile.crews * tile.buffers * tile.window_bytes(spec.W)
    return tile


def check_persistent(tile: GroupTile, spec: ConvLSTMSpec, device: DeviceLimits) -> None:
    blocks, shares = blocks_of(spec, tile)
    assert blocks * shares <= device.sm_count
    assert tile.resident and tile.strip == 0 and 1 <= tile.buffers <= tile.slabs
    padded_rows = (spec.B - 1) * (spec.H + spec.kh // 2) + spec.H
    last = padded_rows * (spec.W + spec.kw // 2) - spec.kw // 2 - 1
    assert last < tile.tiles(spec.B, spec.H, spec.W) * tile.rows, "the last pixel"
    assert (blocks - 1) * tile.crews < tile.tiles(spec.B, spec.H, spec.W) <= blocks * tile.crews


@given(
    spec=layers(fours, fours, 5, 3, kh=st.sampled_from([3, 5, 7]), kw=st.sampled_from([5, 7])),
    precision=precisions,
    choose=st.sampled_from([forward_tile, backward_tile]),
)
def test_frames_narrower_than_half_a_kernel(spec: ConvLSTMSpec, precision: str, choose: Any) -> None:
    tile = choose(spec, precision, H200)
    columns = (spec.F, 4 * spec.F) if choose is forward_tile else (4 * spec.F, spec.F)
    check(tile, spec, *columns, H200.shared_bytes_per_block)


@given(spec=specs, device=devices, precision=precisions)
def test_persistent_forward(spec: ConvLSTMSpec, device: DeviceLimits, precision: str) -> None:
    chosen = forward_tile(spec, precision, device)
    left = device.shared_bytes_per_block - (0 if chosen is None else forward_front(chosen))
    tile = check(chosen, spec, spec.F, 4 * spec.F, left)
    check_persistent(tile, spec, device)
    assert tile.columns % 16 == 0, "the gates of a filter would be torn apart"
    assert tile.split == 1


@given(spec=specs, device=devices, precision=precisions)
def test_persistent_backward(spec: ConvLSTMSpec, device: DeviceLimits, precision: str) -> None:
    chosen = backward_tile(spec, precision, device)
    left = device.shared_bytes_per_block - (0 if chosen is None else backward_front(chosen))
    tile = check(chosen, spec, 4 * spec.F, spec.F, left)
    check_persistent(tile, spec, device)
    if tile.split > 1:
        assert tile.groups == 1 and tile.warpgroups == 1 and tile.m_tiles % tile.split == 0
        # Each of the two hands over the rows that it does not end up with: float32 sums.
        assert tile.exchange_shape is not None
        assert prod(tile.exchange_shape) == tile.rows * tile.padded_columns


@given(
    spec=specs,
    device=devices,
    precision=precisions,
    name=st.sampled_from(["input_forward", "input_backward", "step_forward", "step_backward"]),
)
def test_over_frames(spec: ConvLSTMSpec, device: DeviceLimits, precision: str, name: str) -> None:
    chosen, forward = cheapest_group_tile(name, spec, precision, device), name.endswith("forward")
    left = device.shared_bytes_per_block - (0 if chosen is None else front_bytes(name, chosen))
    sizes = (spec.C, 4 * spec.F) if forward else (4 * spec.F, spec.C)
    tile = check(chosen, spec, *sizes, left)
    assert not forward or tile.columns % 16 == 0, "the gates of a filter would be torn apart"
    assert tile.buffers >= 2 and tile.split == 1
    assert tile.resident or tile.crews == 1

    blocks, groups = windowed_grid(spec, tile, device)
    images, tiles = spec.T * spec.B, tile.tiles(spec.T * spec.B, spec.H, spec.W)
    assert groups == tile.groups and blocks >= 1
    assert blocks * groups <= device.sm_count or blocks == 1
    assert (blocks - 1) * tile.crews < tiles, "a block without a tile"
    if tile.strip:
        height = tile.rows // (tile.strip + spec.kw - 1)
        assert height >= 1 and tiles % images == 0
        assert tiles // images * height * tile.strip >= spec.H * spec.W
    else:
        assert tiles * tile.rows >= images * spec.H * spec.W
    assert group_clocks(spec, tile, device) > 0


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_a_layer_that_just_misses_a_block_of_256_rows(precision: str) -> None:
    """33,800 rows with the zeros between images: 133 blocks of 256, one too many; of 512 they would be 67."""
    spec = ConvLSTMSpec(T=10, B=8, H=64, W=64, C=32, F=32, kh=3, kw=3)
    tile = backward_tile(spec, precision, H200)
    assert isinstance(tile, GroupTile)
    assert (tile.crews, tile.warpgroups, tile.m_tiles) == (2, 1, 3), "three crews would spill"
    assert blocks_of(spec, tile) == (89, 1)


PERSISTENT = {  # columns, split, crews, warpgroups, m_tiles, grid
    ("tf32", "forward"): (80, 1, 4, 1, 1, (66, 2)),
    ("tf32", "backward"): (40, 2, 2, 1, 2, (66, 2)),
    ("bfloat16", "forward"): (160, 1, 2, 1, 1, (132, 1)),
    ("bfloat16", "backward"): (40, 1, 2, 1, 1, (132, 1)),
}


@pytest.mark.parametrize(("precision", "way"), PERSISTENT)
def test_recurrences_of_the_example_on_an_h200(precision: str, way: str) -> None:
    tile = (forward_tile if way == "forward" else backward_tile)(EXAMPLE, precision, H200)
    assert isinstance(tile, GroupTile)
    found = tile.columns, tile.split, tile.crews, tile.warpgroups, tile.m_tiles, blocks_of(EXAMPLE, tile)
    assert found == PERSISTENT[precision, way]


OVER_FRAMES = {  # columns, crews, warpgroups, m_tiles, weights stay
    ("tf32", "input_forward"): (80, 4, 1, 1, True),
    ("tf32", "input_backward"): (40, 1, 2, 4, False),
    ("bfloat16", "input_forward"): (80, 4, 1, 1, True),
    ("bfloat16", "input_backward"): (40, 2, 1, 4, True),
}


@pytest.mark.parametrize(("precision", "name"), OVER_FRAMES)
def test_input_convolutions_of_the_example_on_an_h200(precision: str, name: str) -> None:
    tile = cheapest_group_tile(name, EXAMPLE, precision, H200)
    assert tile is not None
    found = tile.columns, tile.crews, tile.warpgroups, tile.m_tiles, tile.resident
    assert found == OVER_FRAMES[precision, name]
    blocks, groups = windowed_grid(EXAMPLE, tile, H200)
    assert blocks * groups == H200.sm_count


MEASURED = {  # columns, crews, warpgroups, m_tiles, chunks, buffers, weights stay: microseconds on an H200
    ("tf32", "input_forward"): {
        (80, 4, 1, 1, 2, 3, True): 137,
        (80, 2, 1, 2, 2, 5, True): 160,
        (80, 1, 2, 2, 10, 2, True): 173,
        (80, 2, 1, 1, 10, 2, True): 203,
    },
    ("bfloat16", "input_forward"): {(80, 4, 1, 1, 5, 2, True): 79, (80, 2, 1, 2, 5, 2, True): 89},
    ("bfloat16", "input_backward"): {
        (40, 2, 1, 4, 4, 2, True): 75,
        (40, 1, 2, 4, 4, 2, True): 87,
        (40, 4, 1, 1, 4, 2, True): 96,
        (40, 2, 1, 1, 4, 5, True): 100,
    },
}


@pytest.mark.parametrize(("precision", "name"), MEASURED)
def test_counts_are_near_what_was_measured_and_in_its_order(precision: str, name: str) -> None:
    measured = MEASURED[precision, name]
    channels, columns = (40, 160) if name == "input_forward" else (160, 40)
    counts = []
    for (own, crews, warpgroups, m_tiles, chunks, buffers, resident), microseconds in measured.items():
        sizes = (own, columns // own, chunks, crews, warpgroups, m_tiles)
        tile = GroupTile(channels, 3, 3, *sizes, operand_bytes(precision), False, buffers, resident)
        assert tile.fits(EXAMPLE.W, H200.shared_bytes_per_block)
        counts.append(group_clocks(EXAMPLE, tile, H200) / CLOCKS)
        assert abs(counts[-1] / microseconds - 1) < 0.25, (tile, counts[-1])
    assert list(measured.values()) == sorted(measured.values())
    assert counts == sorted(counts)


def chosen_tiles(spec: ConvLSTMSpec, precision: str, products: Products, device: DeviceLimits) -> list[Any]:
    """Return the tiles of both recurrences, of the input convolution and of its gradient."""
    convolutions = [Product(name, spec, precision, device) for name in ("input_forward", "input_backward")]
    strategies = (Warpgroups(), Windows(), Gathered())
    return [
        forward_tile(spec, precision, device, products),
        backward_tile(spec, precision, device, products),
        *(choose(strategies, product, products).tile(product) for product in convolutions),
    ]


@pytest.mark.parametrize("products", ["auto", "warpgroups"])
@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_the_example_is_all_warpgroup_products(precision: str, products: Products) -> None:
    assert all(isinstance(tile, GroupTile) for tile in chosen_tiles(EXAMPLE, precision, products, H200))


SMALL = replace(EXAMPLE, B=2)
"""Fits on the device in float32, too."""

OTHERS = [
    ("float32", "warpgroups", "90a", SMALL),
    *((precision, "auto", architecture, SMALL) for precision in PRECISIONS for architecture in ("80", "90", "120")),
    ("tf32", "windows", "90a", SMALL),
    ("bfloat16", "gathered", "90a", SMALL),
    ("tf32", "warpgroups", "90a", replace(SMALL, kh=1, kw=51)),  # more taps than are unrolled
]


@pytest.mark.parametrize(("precision", "products", "architecture", "spec"), OTHERS)
def test_others_have_none(precision: str, products: Products, architecture: str, spec: ConvLSTMSpec) -> None:
    tiles = chosen_tiles(spec, precision, products, replace(H200, architecture=architecture))
    assert not any(isinstance(tile, GroupTile) for tile in tiles)


@pytest.mark.parametrize(("precision", "odd"), [("tf32", 3), ("tf32", 38), ("bfloat16", 4), ("bfloat16", 44)])
def test_channels_come_16_bytes_at_a_time(precision: str, odd: int) -> None:
    """Those of dz are four times as many as the filters, so that the way back may have them alone."""
    forward, backward, input_forward, input_backward = chosen_tiles(
        replace(SMALL, C=odd, F=odd), precision, "warpgroups", H200
    )
    assert not isinstance(forward, GroupTile) and not isinstance(input_forward, GroupTile)
    assert isinstance(backward, GroupTile) == isinstance(input_backward, GroupTile) == (4 * odd % 8 == 0 or odd == 3)
