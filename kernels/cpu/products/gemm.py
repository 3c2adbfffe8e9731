"""Products of any number of rows and vectors, cut into register tiles (micro_kernel.py).

Columns are cut into groups of at most MAX_VECTORS vectors, as equal as they can be, and the rows of each group into
tiles of as many rows as the registers hold. The last tile of a group is computed whole: a is read, and c written, up
to SPARE_ROWS rows beyond those asked for, where the caller has room and what is written means nothing.
"""

from collections.abc import Callable
from typing import Any

from kernels.arrays import Array
from kernels.cpu.compile.inlining import not_inlined
from kernels.cpu.compile.jit import jit
from kernels.cpu.compile.vector import lanes
from kernels.cpu.products.micro_kernel import MAX_VECTORS, ROWS_OF_TILE, register_tile

SPARE_ROWS = max(ROWS_OF_TILE.values()) - 1


@jit
def padded_columns(array: Array, columns: int) -> int:
    """Columns, rounded up to whole vectors of the array's dtype."""
    return (columns + lanes(array) - 1) // lanes(array) * lanes(array)


@jit
def group_count(vectors: int) -> int:
    """Groups into which that many vectors are cut."""
    return (vectors + MAX_VECTORS - 1) // MAX_VECTORS


@jit
def group_start(group: int, vectors: int) -> int:
    """First vector of a group; that of group + 1 is its end."""
    return group * vectors // group_count(vectors)


@jit
def rows_of_tile(vectors: int) -> int:
    """Rows of the tile that a group of that many vectors uses."""
    if vectors == 5:
        return ROWS_5
    if vectors == 4:
        return ROWS_4
    if vectors == 3:
        return ROWS_3
    return ROWS_2 if vectors == 2 else ROWS_1


ROWS_1, ROWS_2, ROWS_3, ROWS_4, ROWS_5 = (ROWS_OF_TILE[vectors] for vectors in (1, 2, 3, 4, 5))


def _tile_dispatch(accumulate: bool) -> Callable[..., Any]:
    """A compiled `register_tile` whose width is an argument; it has as many rows as `rows_of_tile` says."""

    @jit
    def tile(
        vectors: int,
        a: Array,
        a_start: int,
        a_outer: int,
        a_inner: int,
        a_row: int,
        b: Array,
        b_start: int,
        b_outer: int,
        b_inner: int,
        c: Array,
        c_start: int,
        c_row: int,
        outer: int,
        inner: int,
    ) -> None:
        if vectors == 5:
            register_tile(
                ROWS_5, 5, accumulate,
                a, a_start, a_outer, a_inner, a_row, b, b_start, b_outer, b_inner, c, c_start, c_row, outer, inner,
            )  # fmt: skip
        elif vectors == 4:
            register_tile(
                ROWS_4, 4, accumulate,
                a, a_start, a_outer, a_inner, a_row, b, b_start, b_outer, b_inner, c, c_start, c_row, outer, inner,
            )  # fmt: skip
        elif vectors == 3:
            register_tile(
                ROWS_3, 3, accumulate,
                a, a_start, a_outer, a_inner, a_row, b, b_start, b_outer, b_inner, c, c_start, c_row, outer, inner,
            )  # fmt: skip
        elif vectors == 2:
            register_tile(
                ROWS_2, 2, accumulate,
                a, a_start, a_outer, a_inner, a_row, b, b_start, b_outer, b_inner, c, c_start, c_row, outer, inner,
            )  # fmt: skip
        else:
            register_tile(
                ROWS_1, 1, accumulate,
                a, a_start, a_outer, a_inner, a_row, b, b_start, b_outer, b_inner, c, c_start, c_row, outer, inner,
            )  # fmt: skip

    return tile


_tile_that_writes = _tile_dispatch(False)
tile_that_adds = _tile_dispatch(True)


@jit
def multiply_packed(
    rows: int,
    columns: int,
    depth: int,
    a: Array,
    a_start: int,
    a_outer: int,
    a_row: int,
    b: Array,
    b_start: int,
    c: Array,
    c_start: int,
    c_row: int,
    outer: int,
    inner: int,
) -> None:
    """c[i, n] = sum over o, k of a[o*a_outer + k + i*a_row] * b[o, k, n], b packed with `depth` k's for each o.

    Only the first `inner` of them are summed. columns is padded to whole vectors.
    """
    not_inlined()
    vectors = columns // lanes(c)
    for group in range(group_count(vectors)):
        first = group_start(group, vectors)
        width = group_start(group + 1, vectors) - first
        b_inner = width * lanes(c)
        b_here = b_start + first * lanes(c) * outer * depth
        for i in range(0, rows, rows_of_tile(width)):
            _tile_that_writes(
                width,
                a, a_start + i * a_row, a_outer, 1, a_row,
                b, b_here, depth * b_inner, b_inner,
                c, c_start + i * c_row + first * lanes(c), c_row,
                outer, inner,
            )  # fmt: skip
