"""The gradient of a convolution's kernels: inputs times output gradients, summed over pixels.

    direct     dkernel[tap][k, n]   = sum over pixels of input[pixel + tap][k] * d[pixel][n]
    Winograd   sums[position][k, n] = sum over tiles of (B^T input B)[tile][k] * (A d A^T)[tile][n]
               dkernel[k, n]        = G^T sums[., k, n] G

The rows of all images are dealt to some partial sums, each of which takes its rows a block at a time: lay the block's
inputs and gradients out, then add their products. A worker owns whole sums, so workers do not wait for each other
before the end, and the order of every addition is fixed, whatever their number.
"""

from typing import Any, NamedTuple

import numpy as np

from kernels.arrays import Array
from kernels.cpu.compile.inlining import not_inlined
from kernels.cpu.compile.jit import jit, parallel, prange, signed
from kernels.cpu.compile.memory import zeros
from kernels.cpu.compile.vector import broadcast, lanes, lanes_of, load, store
from kernels.cpu.products.convolution import Workspace, share, transforms
from kernels.cpu.products.direct import copy_rows, pad_rows
from kernels.cpu.products.gemm import SPARE_ROWS, group_count, group_start, rows_of_tile, tile_that_adds
from kernels.cpu.products.geometry import Geometry, spread
from kernels.cpu.products.winograd import transform_inputs, transform_output_gradients

_FEW_IMAGES = 4
"""With fewer images a partial sum is a part of one, and there are about so many."""

_MOST_PARTIAL_SUMS = 8
"""Sums that are built side by side at most, and threads that have work."""

_TILES_OF_BLOCK = 32
"""Tiles of a block at most; with fewer, loading and storing the sums costs more than adding to them."""


def _parts(g: Geometry, images: int) -> int:
    """Partial sums: fixed by the shapes."""
    if images >= _FEW_IMAGES:
        return min(images, _MOST_PARTIAL_SUMS)
    tiles_of_image = g.tile_rows * g.tiles_w
    return images * max(1, min(_FEW_IMAGES // images, g.tile_rows, tiles_of_image // _TILES_OF_BLOCK))


@jit
def _add_products(
    g: Geometry,
    a: Array,
    a_position_h: int,
    a_position_w: int,
    a_outer: int,
    d: Array,
    d_position: int,
    d_outer: int,
    outer: int,
    inner: int,
    sums: Array,
) -> None:
    """sums[position, k, n] += sum over `outer` rows of `inner` tiles or pixels of a[..., k] * d[..., n]."""
    not_inlined()
    width = lanes(sums)
    vectors = g.columns // width
    for position in range(g.points_h * g.points_w):
        a_start = position // g.points_w * a_position_h + position % g.points_w * a_position_w
        for group in range(group_count(vectors)):
            first = group_start(group, vectors)
            count = group_start(group + 1, vectors) - first
            for i in range(0, g.depth, rows_of_tile(count)):
                tile_that_adds(
                    count,
                    a, a_start + i, a_outer, g.depth, 1,
                    d, position * d_position + first * width, d_outer, g.columns,
                    sums, (position * (g.depth + SPARE_ROWS) + i) * g.columns + first * width, g.columns,
                    outer, inner,
                )  # fmt: skip


class Block(NamedTuple):
    """How many rows of tiles (Winograd) or of pixels (direct) are laid out at a time, and how."""

    rows: int
    a_position: int
    """Elements from one position's inputs to the next one's (Winograd)."""
    d_position: int
    """Elements from one position's gradients to the next one's (Winograd)."""


@jit
def first_row(part: int, parts: int, images: int, rows_of_image: int) -> int:
    """The first row, counted through all images, of a partial sum: whole images, unless there are too few."""
    if parts < images:
        return part * images // parts * rows_of_image
    return part * images * rows_of_image // parts


@jit
def read_block(
    g: Geometry,
    block: Block,
    x: Array,
    start: int,
    channels: int,
    first_channel: int,
    row: int,
    rows: int,
    work: Workspace,
    worker: int,
) -> None:
    """Lay out what some rows of one image (H,W,channels) see; image x[start] is one of several side by side."""
    not_inlined()
    a = work.a[worker]
    if g.winograd:
        transform_inputs(
            g, x, start, channels, row, rows, work.window[worker], work.columns[worker], a, first_channel,
            block.a_position,
        )  # fmt: skip
    else:
        pad_rows(g, x, start, channels, row - g.kh // 2, signed(0), rows + g.kh - 1, a, first_channel)


@jit
def add_block(
    g: Geometry,
    block: Block,
    gradients: Array,
    start: int,
    channels: int,
    row: int,
    rows: int,
    sums: Array,
    work: Workspace,
    worker: int,
) -> None:
    """Add the products of the same rows' gradients (H,W,channels) with what `read_block` has laid out."""
    not_inlined()
    a, d = work.a[worker], work.c[worker]
    tiles = rows * g.tiles_w
    if g.winograd:
        transform_output_gradients(
            g, gradients, start, channels, row, rows, work.window[worker], work.columns[worker], d, signed(0),
            block.d_position,
        )  # fmt: skip
        _add_products(
            g, a, g.points_w * block.a_position, block.a_position, signed(0), d, block.d_position, signed(0),
            signed(1), tiles, sums,
        )  # fmt: skip
    else:
        a_row = (g.slots + g.kw - 1) * g.depth
        copy_rows(gradients, start + row * g.W * channels, channels, d, g.columns, rows * g.W)
        _add_products(g, a, a_row, g.depth, a_row, d, signed(0), g.W * g.columns, rows, g.W, sums)


@parallel
def _add_images(
    g: Geometry,
    block: Block,
    workers: int,
    images: int,
    p: Array,
    q: Array,
    sources: Array,
    gradients: Array,
    channels: int,
    sums: Array,
    work: Workspace,
) -> None:
    """Add all rows of some images to the partial sums."""
    rows_of_image = (g.H + g.step_h - 1) // g.step_h
    pixels = g.H * g.W
    parts = sums.shape[0]
    for index in prange(workers):
        worker = signed(index)
        first_part, end_part = share(worker, workers, parts)
        for part in range(first_part, end_part):
            at = first_row(part, parts, images, rows_of_image)
            end = first_row(part + 1, parts, images, rows_of_image)
            while at < end:
                image, row = at // rows_of_image, at % rows_of_image
                rows = min(block.rows, end - at, rows_of_image - row)
                for source in range(sources.shape[0]):
                    which, start, n, first_channel = sources[source]
                    x = p if which == 0 else q
                    read_block(g, block, x, start + image * pixels * n, n, first_channel, row, rows, work, worker)
                add_block(g, block, gradients, image * pixels * channels, channels, row, rows, sums[part], work, worker)
                at += rows


@parallel
def _transform_back(g: Geometry, workers: int, g_h: Array, g_w: Array, sums: Array, gradient: Array) -> None:
    """gradient = G^T sums G, of the partial sums' sum: (sums, positions, depth + SPARE_ROWS, columns)."""
    size = sums.shape[1]
    for index in prange(workers):
        first, end = share(signed(index), workers, g.depth)
        for k in range(first, end):
            for n in range(0, g.columns, lanes(sums)):
                for position in range(g.points_h * g.points_w):
                    place = (position * (g.depth + SPARE_ROWS) + k) * g.columns + n
                    total = load(sums, place)
                    for partial in range(1, sums.shape[0]):
                        total = total + load(sums, partial * size + place)
                    store(sums, place, total)
                for tap in range(g.kh * g.kw):
                    total = broadcast(sums, 0.0)
                    for position in range(g.points_h * g.points_w):
                        weight = g_h[position // g.points_w, tap // g.kw] * g_w[position % g.points_w, tap % g.kw]
                        place = (position * (g.depth + SPARE_ROWS) + k) * g.columns + n
                        total = total + load(sums, place) * weight
                    store(gradient, (tap * g.depth + k) * g.columns + n, total)


class WeightGradient:
    """Sums up the kernel gradient of one convolution over any number of calls of `add`."""

    def __init__(self, g: Geometry, images: int, workers: int, dtype: np.dtype[Any]) -> None:
        """images: how many (H,W,channels) one call of `add` brings."""
        self.geometry, self.images, self.workers = g, images, workers
        self.g_h, self.g_w = transforms(g, dtype)
        lanes = lanes_of(dtype.itemsize)
        self.sums = zeros((_parts(g, images), g.positions * (g.depth + SPARE_ROWS) * g.columns), dtype)
        self.gradient = zeros((g.kh, g.kw, g.depth, g.columns), dtype)
        if g.winograd:
            rows = max(1, min(g.tile_rows, _TILES_OF_BLOCK // g.tiles_w))
            tiles = rows * g.tiles_w
            self.block = Block(rows, spread(tiles * g.depth, lanes), spread(tiles * g.columns, lanes))
            self.a_size = g.positions * self.block.a_position + SPARE_ROWS
            self.d_size = g.positions * self.block.d_position
        else:
            self.block = Block(g.chunk_rows, 0, 0)
            self.a_size, self.d_size = g.a_size + SPARE_ROWS, g.chunk_rows * g.W * g.columns

    def clear(self) -> None:
        """Begin a new sum."""
        self.sums[:] = 0.0

    def add(
        self, p: Array, q: Array, sources: list[tuple[int, int, int]], gradients: Array, channels: int, work: Workspace
    ) -> None:
        """Add some images' part; the scratch has at least a_size and d_size elements in a and c.

        p, q: two flat arrays that hold the inputs. sources: for each group of the convolution's `depth` channels, in
        their order, 0 (p) or 1 (q), the first element of its images (images,H,W,n), and n. gradients: of the outputs,
        flat (images,H,W,channels).
        """
        table, first_channel = [], 0
        for which, start, n in sources:
            table.append((which, start, n, first_channel))
            first_channel += n
        _add_images(
            self.geometry, self.block, self.workers, self.images, p, q, np.array(table), gradients, channels,
            self.sums, work,
        )  # fmt: skip

    def kernels(self) -> Array:
        """The sum as a gradient of the kernels, (kh,kw,depth,columns); columns beyond the outputs' are zero."""
        _transform_back(self.geometry, self.workers, self.g_h, self.g_w, self.sums, self.gradient.reshape(-1))
        return self.gradient
