"""Register tiles of every width against einsum, and what they compile to."""

from typing import Any

import numpy as np
import pytest

from kernels.cpu.compile.vector import lanes_of
from kernels.cpu.products.gemm import SPARE_ROWS, multiply_packed, rows_of_tile, tile_that_adds
from kernels.cpu.products.micro_kernel import MAX_VECTORS

Array = np.ndarray[Any, Any]

DTYPES = [np.float32, np.float64]


def _random(*shape: int) -> Array:
    return np.random.default_rng(len(shape)).standard_normal(shape)


def _close(actual: Array, expected: Array) -> None:
    tolerance = 1e-5 if actual.dtype == np.float32 else 1e-13
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("vectors", range(1, MAX_VECTORS + 1))
def test_a_tile_adds_the_product_to_what_is_there(dtype: Any, vectors: int) -> None:
    rows, width = rows_of_tile(vectors), vectors * lanes_of(np.dtype(dtype).itemsize)
    outer, inner = 3, 4
    a, b = _random(outer, inner, rows).astype(dtype), _random(outer, inner, width).astype(dtype)
    before = np.random.default_rng(9).standard_normal((rows, width)).astype(dtype)
    c = before.copy()
    tile_that_adds(
        vectors,
        a.reshape(-1), 0, inner * rows, rows, 1,
        b.reshape(-1), 0, inner * width, width,
        c.reshape(-1), 0, width, outer, inner,
    )  # fmt: skip
    _close(c, before + np.einsum("okr,okn->rn", a, b))


def _packed(b: Array, lanes: int) -> Array:
    """b (outer, depth, columns) as gemm.py describes it, written the slow way."""
    vectors = b.shape[-1] // lanes
    groups = -(-vectors // MAX_VECTORS)
    edges = [group * vectors // groups * lanes for group in range(groups + 1)]
    return np.concatenate([b[:, :, edges[i] : edges[i + 1]].ravel() for i in range(groups)])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("vectors", [1, 2, 3, 4, 5, 6, 7, 11])
@pytest.mark.parametrize("rows", [1, 5, 13])
def test_a_packed_product_of_any_size(dtype: Any, vectors: int, rows: int) -> None:
    lanes = lanes_of(np.dtype(dtype).itemsize)
    columns, outer, depth, inner = vectors * lanes, 2, 5, 3
    a = _random(rows + SPARE_ROWS, outer, depth).astype(dtype)
    b = _random(outer, depth, columns).astype(dtype)
    c = np.full((rows + SPARE_ROWS, columns), np.nan, dtype)
    multiply_packed(
        rows, columns, depth,
        a.reshape(-1), 0, depth, outer * depth,
        _packed(b, lanes), 0,
        c.reshape(-1), 0, columns, outer, inner,
    )  # fmt: skip
    _close(c[:rows], np.einsum("rok,okn->rn", a[:rows, :, :inner], b[:, :inner]))
