"""The planner of tiles: every product is covered, and every tile fits the smallest device there is a use for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.cuda.products.tiles import (
    GRADIENT_CHUNK,
    MAX_CHUNK,
    MAX_SHARED_BYTES,
    MMA_DEPTH,
    WarpGrid,
    conv_tile,
    gradient_tile,
    shared_stride,
)

columns = st.integers(1, 2000)
ks = st.integers(1, 20_000)
pixels = st.integers(1, 2**30)
elements = st.sampled_from([4, 2])


def check_warps(warps: WarpGrid) -> None:
    assert warps.threads <= 256
    assert warps.m_tiles * warps.n_tiles * 4 <= 80, "accumulators of a thread"


@pytest.mark.quick
@given(k=ks, columns=columns, paired=st.booleans(), pixels=pixels, element=elements)
def test_convolution(k: int, columns: int, paired: bool, pixels: int, element: int) -> None:
    columns = columns * 16 if paired else columns
    tile = conv_tile(k, columns, paired, element)
    check_warps(tile.warps)
    assert tile.shared_bytes <= MAX_SHARED_BYTES
    assert tile.chunk % 8 == 0
    assert tile.warps.warps_k == 1 or tile.chunk % (MMA_DEPTH[element] * tile.warps.warps_k) == 0
    assert not paired or tile.warps.n_tiles % 2 == 0, "the gates of a channel would be torn apart"
    rows, blocks = tile.grid(pixels)
    assert (rows - 1) * tile.warps.rows < pixels <= rows * tile.warps.rows
    padded_columns, padded_k = tile.packed_shape
    assert padded_columns == blocks * tile.warps.columns >= columns
    assert padded_k >= k > padded_k - tile.chunk


@given(rows=ks, columns=columns, pixels=pixels, element=elements)
def test_weight_gradient(rows: int, columns: int, pixels: int, element: int) -> None:
    tile = gradient_tile(rows, columns, element)
    check_warps(tile.warps)
    assert tile.shared_bytes <= MAX_SHARED_BYTES
    slices, chunks = tile.slices(pixels)
    in_slice = chunks * GRADIENT_CHUNK[element]
    assert (slices - 1) * in_slice < pixels <= slices * in_slice
    row_blocks, column_blocks, grid_slices = tile.grid(slices)
    assert grid_slices == slices
    assert row_blocks * tile.warps.rows >= rows
    assert column_blocks * tile.warps.columns >= columns


def test_no_pixels_need_no_slice() -> None:
    assert gradient_tile(9, 8).slices(0)[0] == 0


LANES = [(lane // 4, lane % 4) for lane in range(32)]


def banks(words: list[int]) -> int:
    """How many of the 32 banks of shared memory these words are in."""
    return len({word % 32 for word in words})


@pytest.mark.parametrize("chunk", range(8, MAX_CHUNK[4] + 1, 8))
def test_loads_of_a_convolution_meet_no_bank_twice(chunk: int) -> None:
    """Lane (g, t) reads the two floats 2t, 2t + 1 of row g; half a warp is served at a time."""
    for half in (LANES[:16], LANES[16:]):
        assert banks([g * shared_stride(chunk) + 2 * t + i for g, t in half for i in range(2)]) == 32


@pytest.mark.parametrize("size", range(8, 168, 8))
def test_loads_of_a_weight_gradient_meet_no_bank_twice(size: int) -> None:
    """Lane (g, t) reads float g of row t."""
    assert banks([t * shared_stride(size) + g for g, t in LANES]) == 32


@pytest.mark.parametrize("size", range(8, 168, 8))
def test_rows_that_ldmatrix_reads_together_meet_no_bank_twice(size: int) -> None:
    """Eight rows of 16 bytes, of two-byte elements: a chunk of a convolution, or columns of a weight gradient."""
    assert banks([(row * shared_stride(size) // 2 + word) for row in range(8) for word in range(4)]) == 32
