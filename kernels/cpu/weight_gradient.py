"""The gradient of a convolution's kernels: inputs times output gradients, summed over pixels.

    direct     dkernel[tap][k, n]   = sum over pixels of input[pixel + tap][k] * d[pixel][n]
    Winograd   sums[position][k, n] = sum over tiles of (B^T input B)[tile][k] * (A d A^T)[tile][n]
               dkernel[k, n]        = G^T sums[., k, n] G

The pixels are taken a block at a time: the block's inputs and gradients are laid out, in parallel over rows, then each
worker adds the block's product to the part of `sums` that it owns. So the order of every sum is fixed, whatever
the number of workers.
"""

from typing import Any

import numpy as np

from kernels.cpu.convolution import share, transforms
from kernels.cpu.direct import copy_rows, pad_rows
from kernels.cpu.gemm import SPARE_ROWS, group_count, group_start, rows_of_tile, tile_that_adds
from kernels.cpu.geometry import Geometry
from kernels.cpu.jit import jit, parallel, prange, signed
from kernels.cpu.vector import broadcast, lanes, lanes_of, load, store
from kernels.cpu.winograd import transform_inputs, transform_output_gradients

Array = Any

_TILES_OF_BLOCK = 200
"""Tiles of a block: their transforms fit in the last cache."""

_PARTS = 4
"""Parts into which the rows of one position's sums are cut, so that there is work for many threads."""


@parallel
def _lay_out_inputs(
    g: Geometry,
    workers: int,
    image: Array,
    channels: int,
    first_channel: int,
    first_row: int,
    rows: int,
    a: Array,
    window: Array,
    columns: Array,
) -> None:
    """Inputs of a block -> a: rows of tiles (Winograd) or of pixels (direct), counted through all images."""
    rows_of_image = (g.H + g.step_h - 1) // g.step_h
    for index in prange(workers):
        worker = signed(index)
        if g.winograd:
            first, end = share(worker, workers, rows)
            for i in range(first, end):
                image_number, row = (first_row + i) // rows_of_image, (first_row + i) % rows_of_image
                transform_inputs(
                    g, image, image_number * g.H * g.W * channels, channels, row, signed(1),
                    window[worker], columns[worker],
                    a, i * g.tiles_w * g.depth + first_channel, rows * g.tiles_w * g.depth,
                )  # fmt: skip
        else:
            first, end = share(worker, workers, rows + g.kh - 1)
            start = first_row // g.H * g.H * g.W * channels
            pad_rows(g, image, start, channels, first_row % g.H - g.kh // 2, first, end, a, first_channel)


@parallel
def _lay_out_gradients(
    g: Geometry,
    workers: int,
    image: Array,
    channels: int,
    first_row: int,
    rows: int,
    d: Array,
    window: Array,
    columns: Array,
) -> None:
    """Output gradients of the same block -> d."""
    rows_of_image = (g.H + g.step_h - 1) // g.step_h
    for index in prange(workers):
        worker = signed(index)
        first, end = share(worker, workers, rows)
        if g.winograd:
            for i in range(first, end):
                image_number, row = (first_row + i) // rows_of_image, (first_row + i) % rows_of_image
                transform_output_gradients(
                    g, image, image_number * g.H * g.W * channels, channels, row, signed(1),
                    window[worker], columns[worker],
                    d, i * g.tiles_w * g.columns, rows * g.tiles_w * g.columns,
                )  # fmt: skip
        else:
            copy_rows(image, (first_row + first) * g.W, channels, d, first * g.W, g.columns, (end - first) * g.W)


@parallel
def _add_products(
    g: Geometry,
    workers: int,
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
    width = lanes(sums)
    vectors = g.columns // width
    groups = group_count(vectors)
    for index in prange(workers):
        worker = signed(index)
        first_unit, end_unit = share(worker, workers, g.points_h * g.points_w * groups * _PARTS)
        for unit in range(first_unit, end_unit):
            position, group, part = unit // (groups * _PARTS), unit // _PARTS % groups, unit % _PARTS
            first = group_start(group, vectors)
            count = group_start(group + 1, vectors) - first
            tile = rows_of_tile(count)
            first_tile, end_tile = share(part, signed(_PARTS), (g.depth + tile - 1) // tile)
            a_start = position // g.points_w * a_position_h + position % g.points_w * a_position_w
            for i in range(first_tile * tile, end_tile * tile, tile):
                tile_that_adds(
                    count,
                    a, a_start + i, a_outer, g.depth, 1,
                    d, position * d_position + first * width, d_outer, g.columns,
                    sums, (position * (g.depth + SPARE_ROWS) + i) * g.columns + first * width, g.columns,
                    outer, inner,
                )  # fmt: skip


@jit
def _transform_back(g: Geometry, g_h: Array, g_w: Array, sums: Array, gradient: Array) -> None:
    """gradient = G^T sums G: sums (positions, depth + SPARE_ROWS, columns) -> gradient (kh,kw,depth,columns)."""
    for k in range(g.depth):
        for n in range(0, g.columns, lanes(sums)):
            for tap in range(g.kh * g.kw):
                i, j = tap // g.kw, tap % g.kw
                total = broadcast(sums, 0.0)
                for p in range(g.points_h):
                    for q in range(g.points_w):
                        place = ((p * g.points_w + q) * (g.depth + SPARE_ROWS) + k) * g.columns + n
                        total = total + load(sums, place) * (g_h[p, i] * g_w[q, j])
                store(gradient, (tap * g.depth + k) * g.columns + n, total)


class WeightGradient:
    """Sums up the kernel gradient of one convolution over any number of calls of `add`."""

    def __init__(self, g: Geometry, images: int, workers: int, dtype: np.dtype[Any]) -> None:
        """images: how many (H,W,channels) one call of `add` brings."""
        self.geometry, self.images, self.workers = g, images, workers
        self.g_h, self.g_w = transforms(g, dtype)
        self.sums = np.zeros((g.positions, g.depth + SPARE_ROWS, g.columns), dtype)
        self.gradient = np.zeros((g.kh, g.kw, g.depth, g.columns), dtype)
        lanes = lanes_of(dtype.itemsize)
        if g.winograd:
            self.block = max(1, min(images * g.tile_rows, _TILES_OF_BLOCK // g.tiles_w))
            a_size = g.positions * self.block * g.tiles_w * g.depth
            d_size = g.positions * self.block * g.tiles_w * g.columns
        else:
            self.block = g.chunk_rows
            a_size, d_size = g.a_size, self.block * g.W * g.columns
        self.a, self.d = np.zeros(a_size + SPARE_ROWS, dtype), np.zeros(d_size, dtype)
        self.window = np.zeros((workers, g.positions * max(g.depth, g.columns)), dtype)
        self.columns = np.zeros((workers, 36 * lanes), dtype)

    def clear(self) -> None:
        """Begin a new sum."""
        self.sums[:] = 0.0

    def add(self, inputs: list[tuple[Array, int]], gradients: Array, channels: int) -> None:
        """Add some images' part.

        inputs: flat images (images,H,W,n) with their n; together they are the convolution's `depth` channels.
        gradients: of its outputs, flat (images,H,W,channels).
        """
        g = self.geometry
        for image in range(1 if g.winograd else self.images):
            rows = self.images * g.tile_rows if g.winograd else g.H
            for first in range(0, rows, self.block):
                self._add_block(inputs, gradients, channels, image * g.H + first, min(self.block, rows - first))

    def _add_block(
        self, inputs: list[tuple[Array, int]], gradients: Array, channels: int, first: int, rows: int
    ) -> None:
        g, workers, scratch = self.geometry, self.workers, (self.window, self.columns)
        first_channel = 0
        for images, n in inputs:
            _lay_out_inputs(g, workers, images, n, first_channel, first, rows, self.a, *scratch)
            first_channel += n
        _lay_out_gradients(g, workers, gradients, channels, first, rows, self.d, *scratch)
        sums = self.sums.reshape(-1)
        if g.winograd:
            tiles = rows * g.tiles_w
            a_position, d_position = tiles * g.depth, tiles * g.columns
            a_position_h = g.points_w * a_position
            _add_products(g, workers, self.a, a_position_h, a_position, 0, self.d, d_position, 0, 1, tiles, sums)
        else:
            a_row = (g.slots + g.kw - 1) * g.depth
            _add_products(g, workers, self.a, a_row, g.depth, a_row, self.d, 0, g.W * g.columns, rows, g.W, sums)

    def kernels(self) -> Array:
        """The sum as a gradient of the kernels, (kh,kw,depth,columns); columns beyond the outputs' are zero."""
        _transform_back(self.geometry, self.g_h, self.g_w, self.sums.reshape(-1), self.gradient.reshape(-1))
        return self.gradient
