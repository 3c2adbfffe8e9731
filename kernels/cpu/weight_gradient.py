"""The gradient of a convolution's kernels: inputs times output gradients, summed over pixels.

    direct     dkernel[tap][k, n]   = sum over pixels of input[pixel + tap][k] * d[pixel][n]
    Winograd   sums[position][k, n] = sum over tiles of (B^T input B)[tile][k] * (A d A^T)[tile][n]
               dkernel[k, n]        = G^T sums[., k, n] G

The rows of all images are dealt to some partial sums, each of which takes its rows a block at a time: lay the block's
inputs and gradients out, then add their products. A worker owns whole sums, so workers do not wait for each other
before the end, and the order of every addition is fixed, whatever their number.
"""

from typing import Any

import numpy as np

from kernels.cpu.convolution import share, transforms
from kernels.cpu.direct import copy_rows, pad_rows
from kernels.cpu.gemm import SPARE_ROWS, group_count, group_start, rows_of_tile, tile_that_adds
from kernels.cpu.geometry import MOST_POSITIONS, Geometry, spread
from kernels.cpu.jit import jit, parallel, prange, signed
from kernels.cpu.vector import broadcast, lanes, lanes_of, load, not_inlined, store
from kernels.cpu.winograd import transform_inputs, transform_output_gradients

Array = Any

_MOST_PARTIAL_SUMS = 8
"""Sums that are built side by side at most, and threads that have work."""

_TILES_OF_BLOCK = 64
"""Tiles of a block at most; with fewer, loading and storing the sums costs more than adding to them."""


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


@jit
def _add_block(
    g: Geometry,
    p: Array,
    q: Array,
    sources: Array,
    gradients: Array,
    channels: int,
    image: int,
    row: int,
    rows: int,
    a: Array,
    d: Array,
    window: Array,
    columns: Array,
    sums: Array,
    a_position: int,
    d_position: int,
) -> None:
    """One block: some rows of tiles (Winograd) or of pixels (direct) of one image."""
    not_inlined()
    pixels = g.H * g.W
    a_row = (g.slots + g.kw - 1) * g.depth
    tiles = rows * g.tiles_w
    for source in range(sources.shape[0]):
        which, start, n, first_channel = sources[source]
        x = p if which == 0 else q
        if g.winograd:
            transform_inputs(
                g, x, start + image * pixels * n, n, row, rows, window, columns, a, first_channel, a_position
            )
        else:
            y0 = row - g.kh // 2
            pad_rows(g, x, start + image * pixels * n, n, y0, signed(0), rows + g.kh - 1, a, first_channel)
    if g.winograd:
        start = image * pixels * channels
        transform_output_gradients(g, gradients, start, channels, row, rows, window, columns, d, signed(0), d_position)
        _add_products(
            g, a, g.points_w * a_position, a_position, signed(0), d, d_position, signed(0), signed(1), tiles, sums
        )
    else:
        copy_rows(gradients, image * pixels + row * g.W, channels, d, signed(0), g.columns, rows * g.W)
        _add_products(g, a, a_row, g.depth, a_row, d, signed(0), g.W * g.columns, rows, g.W, sums)


@parallel
def _add_images(
    g: Geometry,
    workers: int,
    images: int,
    block: int,
    p: Array,
    q: Array,
    sources: Array,
    gradients: Array,
    channels: int,
    a: Array,
    d: Array,
    window: Array,
    columns: Array,
    sums: Array,
    a_position: int,
    d_position: int,
) -> None:
    """Add all rows of some images to the partial sums; a, d, window, columns: scratch of each worker."""
    rows_of_image = (g.H + g.step_h - 1) // g.step_h
    partial_sums = sums.shape[0]
    for index in prange(workers):
        worker = signed(index)
        first_sum, end_sum = share(worker, workers, partial_sums)
        for partial in range(first_sum, end_sum):
            at, end = share(partial, partial_sums, images * rows_of_image)
            while at < end:
                image, row = at // rows_of_image, at % rows_of_image
                rows = min(block, end - at, rows_of_image - row)
                _add_block(
                    g, p, q, sources, gradients, channels, image, row, rows,
                    a[worker], d[worker], window[worker], columns[worker], sums[partial], a_position, d_position,
                )  # fmt: skip
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
        tiles = images * g.tile_rows * g.tiles_w
        partial_sums = max(2, min(_MOST_PARTIAL_SUMS, tiles // _TILES_OF_BLOCK))
        self.sums = np.zeros((partial_sums, g.positions * (g.depth + SPARE_ROWS) * g.columns), dtype)
        self.gradient = np.zeros((g.kh, g.kw, g.depth, g.columns), dtype)
        if g.winograd:
            self.block = max(1, min(g.tile_rows, _TILES_OF_BLOCK // g.tiles_w))
            self.a_position = spread(self.block * g.tiles_w * g.depth, lanes)
            self.d_position = spread(self.block * g.tiles_w * g.columns, lanes)
            a_size, d_size = g.positions * self.a_position, g.positions * self.d_position
        else:
            self.block = g.chunk_rows
            self.a_position = self.d_position = 0
            a_size, d_size = g.a_size, self.block * g.W * g.columns
        self.scratch = tuple(
            np.zeros((workers, size), dtype)
            for size in (
                a_size + SPARE_ROWS,
                d_size,
                g.positions * max(g.depth, g.columns),
                MOST_POSITIONS * lanes,
            )
        )

    def clear(self) -> None:
        """Begin a new sum."""
        self.sums[:] = 0.0

    def add(self, p: Array, q: Array, sources: list[tuple[int, int, int]], gradients: Array, channels: int) -> None:
        """Add some images' part.

        p, q: two flat arrays that hold the inputs. sources: for each group of the convolution's `depth` channels, in
        their order, 0 (p) or 1 (q), the first element of its images (images,H,W,n), and n. gradients: of the outputs,
        flat (images,H,W,channels).
        """
        table, first_channel = [], 0
        for which, start, n in sources:
            table.append((which, start, n, first_channel))
            first_channel += n
        _add_images(
            self.geometry, self.workers, self.images, self.block, p, q, np.array(table), gradients, channels,
            *self.scratch, self.sums, self.a_position, self.d_position,
        )  # fmt: skip

    def kernels(self) -> Array:
        """The sum as a gradient of the kernels, (kh,kw,depth,columns); columns beyond the outputs' are zero."""
        _transform_back(self.geometry, self.workers, self.g_h, self.g_w, self.sums, self.gradient.reshape(-1))
        return self.gradient
