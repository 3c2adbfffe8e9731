"""How a 2-D convolution is cut up: the numbers that convolution.py, direct.py and winograd.py share.

Winograd's minimal filtering turns `step` outputs along an axis, which see `points` inputs, into `points` products:

    kernel size   points   step   products per output, both axes   (direct)
         1           1       1              1                          1
         3           6       4              2.25                       9
         5           8       4              4                         25

Larger kernels have no transform here and go the direct way, which takes any size.
"""

from itertools import pairwise
from typing import NamedTuple

from kernels.cpu.compile.vector import REGISTER_BYTES
from kernels.cpu.products.gemm import SPARE_ROWS
from kernels.cpu.products.micro_kernel import MAX_VECTORS, ROWS_OF_TILE

MOST_POSITIONS = 64
"""Products of a tile at most: 8 x 8 points."""

POINTS_AND_STEP = {1: (1, 1), 3: (6, 4), 5: (8, 4)}

_CHUNK_BYTES = 1 << 20
"""Transformed inputs and products of a chunk at most: they stay within a core's own cache."""

_MAX_CHUNK_ROWS = 8
"""Rows of a chunk at most, where nothing is transformed."""


class Geometry(NamedTuple):
    """A convolution of stride 1, padding 'same', from `depth` channels in to `columns` (whole vectors) out."""

    H: int
    W: int
    kh: int
    kw: int
    depth: int
    columns: int
    winograd: bool
    points_h: int
    points_w: int
    step_h: int
    step_w: int
    tiles_w: int
    """Steps that cover a row."""
    chunk_rows: int
    """Output rows that are done in one go, a multiple of step_h."""
    slots: int
    """Rows of a product: tiles of a chunk, or pixels of a row (direct), with the spare ones."""
    a_position: int
    """Elements from one position's inputs to the next one's (Winograd)."""
    c_position: int
    """Elements from one position's products to the next one's (Winograd)."""

    @property
    def tile_rows(self) -> int:
        """Steps that cover a column."""
        return -(-self.H // self.step_h)

    @property
    def positions(self) -> int:
        """Products that one tile needs, or taps of the kernel (direct)."""
        return self.points_h * self.points_w

    @property
    def a_size(self) -> int:
        """Elements of a chunk's inputs as the product reads them."""
        if self.winograd:
            return self.positions * self.a_position
        return (self.chunk_rows + self.kh - 1) * (self.slots + self.kw - 1) * self.depth

    @property
    def c_size(self) -> int:
        """Elements of a chunk's products before they are transformed back."""
        return self.positions * self.c_position

    @property
    def z_size(self) -> int:
        """Elements of a chunk's outputs, with room for the spare rows of the last product."""
        row = self.tiles_w * self.step_w if self.winograd else self.slots
        return (self.chunk_rows * row + SPARE_ROWS) * self.columns


def spread(elements: int, lanes: int) -> int:
    """At least so many elements, an odd number of registers full.

    A tile is written to, and read from, one place in every position. Were their distance a multiple of a large power
    of two, they would share a few sets of the cache and throw each other out.
    """
    return (-(-elements // lanes) | 1) * lanes


def _computed_rows(rows: int, columns: int, lanes: int) -> float:
    """Rows that the tiles of a product really compute, a mean over its groups of columns."""
    vectors = columns // lanes
    groups = -(-vectors // MAX_VECTORS)
    edges = [group * vectors // groups for group in range(groups + 1)]
    total = 0
    for first, end in pairwise(edges):
        tile = ROWS_OF_TILE[end - first]
        total += -(-rows // tile) * tile * (end - first)
    return total / vectors


def _chunk_steps(images: int, workers: int, steps: int, tiles_w: int, columns: int, lanes: int, most: int) -> int:
    """Rows of tiles of a chunk: few tiles computed for nothing, kernels read seldom, as much work for each worker."""

    def score(n: int) -> float:
        sizes = [min(n, steps - first) for first in range(0, steps, n)]
        computed = sum(_computed_rows(size * tiles_w, columns, lanes) for size in sizes)
        chunks = sizes * images
        edges = [worker * len(chunks) // workers for worker in range(workers + 1)]
        longest = max(sum(chunks[first:end]) for first, end in pairwise(edges))
        balance = images * steps / (workers * longest)
        reuse = n * tiles_w / (n * tiles_w + 4)
        return steps * tiles_w / computed * balance * reuse

    return max(range(1, max(1, min(steps, most)) + 1), key=score)


def geometry(
    images: int, workers: int, H: int, W: int, kh: int, kw: int, depth: int, columns: int, lanes: int, transform: bool
) -> Geometry:
    """Cut up a convolution of `images` images (H,W,depth) with a kernel (kh,kw) to at least `columns` channels.

    workers: among how many the chunks will be shared; their size changes no bit of the result. transform: False asks
    for the direct way.
    """
    columns = -(-columns // lanes) * lanes
    if transform and kh in POINTS_AND_STEP and kw in POINTS_AND_STEP:
        (points_h, step_h), (points_w, step_w) = POINTS_AND_STEP[kh], POINTS_AND_STEP[kw]
        tiles_w = -(-W // step_w)
        bytes_of_tile = points_h * points_w * (depth + columns) * (REGISTER_BYTES // lanes)
        most = _CHUNK_BYTES // bytes_of_tile // tiles_w
        tile_rows = _chunk_steps(images, workers, -(-H // step_h), tiles_w, columns, lanes, most)
        slots = tile_rows * tiles_w + SPARE_ROWS
        return Geometry(
            H, W, kh, kw, depth, columns, True, points_h, points_w, step_h, step_w, tiles_w, tile_rows * step_h, slots,
            spread(slots * depth, lanes), spread(slots * columns, lanes),
        )  # fmt: skip
    rows = _chunk_steps(images, workers, H, W, columns, lanes, _MAX_CHUNK_ROWS)
    return Geometry(H, W, kh, kw, depth, columns, False, kh, kw, 1, 1, W, rows, W + SPARE_ROWS, 0, 0)
