"""Winograd's minimal filtering F(4, 3) and F(4, 5), along one axis or both, on vectors of channels.

One axis, y = A^T [ (G w) * (B^T x) ] (Lavin & Gray 2015; Toom & Cook), points 0, infinity, p and -p for two or three p:

    A^T m, four outputs:                      B^T x, six inputs for p = a, b:
         m0 + sum over p of (m_p + m_-p)           0  x4 - (a^2 + b^2) x2 + a^2 b^2 x0
              sum of p   (m_p - m_-p)             +-a  (x4 - b^2 x2) +- a (x3 - b^2 x1)
              sum of p^2 (m_p + m_-p)             +-b  (x4 - a^2 x2) +- b (x3 - a^2 x1)
              sum of p^3 (m_p - m_-p) + m_inf      inf x5 - (a^2 + b^2) x3 + a^2 b^2 x1

    eight inputs for p = a, b, c:
           0  x6 - (a^2 + b^2 + c^2) x4 + (a^2 b^2 + b^2 c^2 + c^2 a^2) x2 - a^2 b^2 c^2 x0
         +-a  (x6 - (b^2 + c^2) x4 + b^2 c^2 x2) +- a (x5 - (b^2 + c^2) x3 + b^2 c^2 x1)         same for b and c
         inf  as for 0, of x7, x5, x3, x1

The gradient of y with respect to w is G^T [ (A dy) * (B^T x) ], and with respect to x it is another convolution, with
the flipped kernel. Two axes are done one after the other; an axis with kernel size 1 has one point and is left alone.

These points round less than the usual 1, 2 and 1/2, 1, 2: docs/cpu_kernels.md has the errors of both.
"""

import math
from typing import Any

import numpy as np

from kernels.arrays import Array
from kernels.cpu.compile.inlining import inlined, not_inlined
from kernels.cpu.compile.jit import jit
from kernels.cpu.compile.vector import lanes, load, load_first, store, store_first
from kernels.cpu.products.geometry import POINTS_AND_STEP, Geometry
from kernels.cpu.products.runs import copy_run, zero_run

POINT_PAIRS = {3: (math.sqrt(0.5), math.sqrt(2.0)), 5: (9 / 16, 1.0, 16 / 9)}
"""Kernel size -> the points p that come with both signs."""

A, B = POINT_PAIRS[3]
A2, B2 = A * A, B * B
A3, B3 = A2 * A, B2 * B
SUM2 = A2 + B2
PRODUCT2 = A2 * B2

P, Q, R = POINT_PAIRS[5]
P2, Q2, R2 = P * P, Q * Q, R * R
P3, Q3, R3 = P2 * P, Q2 * Q, R2 * R
SUM_QR, SUM_RP, SUM_PQ = Q2 + R2, R2 + P2, P2 + Q2
PRODUCT_QR, PRODUCT_RP, PRODUCT_PQ = Q2 * R2, R2 * P2, P2 * Q2
SUM_PQR = P2 + Q2 + R2
SUM_OF_PRODUCTS = PRODUCT_QR + PRODUCT_RP + PRODUCT_PQ
PRODUCT_PQR = P2 * Q2 * R2


def kernel_transform(size: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """G (points, size) for one axis: row of point p is p^j / product of (p - every other finite point)."""
    points, _ = POINTS_AND_STEP[size]
    if points == 1:
        return np.ones((1, 1))
    finite = (0.0, *(sign * p for p in POINT_PAIRS[size] for sign in (1.0, -1.0)))
    g = np.zeros((points, size))
    for row, p in enumerate(finite):
        g[row] = [p**j / math.prod(p - q for q in finite if q != p) for j in range(size)]
    g[-1, -1] = 1.0
    return g


@jit
def _input_line(points: int, x: Array, x0: int, dx: int, count: int, y: Array, y0: int, dy: int, kept: int) -> None:
    """B^T along one line of vectors, of which the first `count` lanes are read and `kept` written."""
    inlined()
    x_0 = load_first(x, x0, count)
    if points == 1:
        store_first(y, y0, x_0, kept)
        return
    x_1 = load_first(x, x0 + dx, count)
    x_2 = load_first(x, x0 + 2 * dx, count)
    x_3 = load_first(x, x0 + 3 * dx, count)
    x_4 = load_first(x, x0 + 4 * dx, count)
    x_5 = load_first(x, x0 + 5 * dx, count)
    if points == 6:
        even_a, odd_a = x_4 - x_2 * B2, (x_3 - x_1 * B2) * A
        even_b, odd_b = x_4 - x_2 * A2, (x_3 - x_1 * A2) * B
        store_first(y, y0, x_4 - x_2 * SUM2 + x_0 * PRODUCT2, kept)
        store_first(y, y0 + dy, even_a + odd_a, kept)
        store_first(y, y0 + 2 * dy, even_a - odd_a, kept)
        store_first(y, y0 + 3 * dy, even_b + odd_b, kept)
        store_first(y, y0 + 4 * dy, even_b - odd_b, kept)
        store_first(y, y0 + 5 * dy, x_5 - x_3 * SUM2 + x_1 * PRODUCT2, kept)
        return
    x_6 = load_first(x, x0 + 6 * dx, count)
    x_7 = load_first(x, x0 + 7 * dx, count)
    even, odd = x_6 - x_4 * SUM_QR + x_2 * PRODUCT_QR, (x_5 - x_3 * SUM_QR + x_1 * PRODUCT_QR) * P
    store_first(y, y0 + dy, even + odd, kept)
    store_first(y, y0 + 2 * dy, even - odd, kept)
    even, odd = x_6 - x_4 * SUM_RP + x_2 * PRODUCT_RP, (x_5 - x_3 * SUM_RP + x_1 * PRODUCT_RP) * Q
    store_first(y, y0 + 3 * dy, even + odd, kept)
    store_first(y, y0 + 4 * dy, even - odd, kept)
    even, odd = x_6 - x_4 * SUM_PQ + x_2 * PRODUCT_PQ, (x_5 - x_3 * SUM_PQ + x_1 * PRODUCT_PQ) * R
    store_first(y, y0 + 5 * dy, even + odd, kept)
    store_first(y, y0 + 6 * dy, even - odd, kept)
    store_first(y, y0, x_6 - x_4 * SUM_PQR + x_2 * SUM_OF_PRODUCTS - x_0 * PRODUCT_PQR, kept)
    store_first(y, y0 + 7 * dy, x_7 - x_5 * SUM_PQR + x_3 * SUM_OF_PRODUCTS - x_1 * PRODUCT_PQR, kept)


@jit
def _output_line(points: int, m: Array, m0: int, dm: int, y: Array, y0: int, dy: int) -> None:
    """A^T along one line of vectors."""
    inlined()
    m_0 = load(m, m0)
    if points == 1:
        store(y, y0, m_0)
        return
    m_1, m_2 = load(m, m0 + dm), load(m, m0 + 2 * dm)
    m_3, m_4 = load(m, m0 + 3 * dm), load(m, m0 + 4 * dm)
    m_5 = load(m, m0 + 5 * dm)
    sum_1, difference_1 = m_1 + m_2, m_1 - m_2
    sum_2, difference_2 = m_3 + m_4, m_3 - m_4
    if points == 6:
        store(y, y0, m_0 + sum_1 + sum_2)
        store(y, y0 + dy, difference_1 * A + difference_2 * B)
        store(y, y0 + 2 * dy, sum_1 * A2 + sum_2 * B2)
        store(y, y0 + 3 * dy, difference_1 * A3 + difference_2 * B3 + m_5)
        return
    m_6 = load(m, m0 + 6 * dm)
    sum_3, difference_3 = m_5 + m_6, m_5 - m_6
    store(y, y0, m_0 + sum_1 + sum_2 + sum_3)
    store(y, y0 + dy, difference_1 * P + difference_2 * Q + difference_3 * R)
    store(y, y0 + 2 * dy, sum_1 * P2 + sum_2 * Q2 + sum_3 * R2)
    store(y, y0 + 3 * dy, difference_1 * P3 + difference_2 * Q3 + difference_3 * R3 + load(m, m0 + 7 * dm))


@jit
def _output_gradient_line(points: int, y: Array, y0: int, dy: int, count: int, m: Array, m0: int, dm: int) -> None:
    """A along one line of vectors, of which the first `count` lanes are read: the transpose of `_output_line`."""
    inlined()
    y_0 = load_first(y, y0, count)
    store(m, m0, y_0)
    if points == 1:
        return
    y_1 = load_first(y, y0 + dy, count)
    y_2 = load_first(y, y0 + 2 * dy, count)
    y_3 = load_first(y, y0 + 3 * dy, count)
    store(m, m0 + (points - 1) * dm, y_3)
    if points == 6:
        even, odd = y_0 + y_2 * A2, y_1 * A + y_3 * A3
        store(m, m0 + dm, even + odd)
        store(m, m0 + 2 * dm, even - odd)
        even, odd = y_0 + y_2 * B2, y_1 * B + y_3 * B3
        store(m, m0 + 3 * dm, even + odd)
        store(m, m0 + 4 * dm, even - odd)
        return
    even, odd = y_0 + y_2 * P2, y_1 * P + y_3 * P3
    store(m, m0 + dm, even + odd)
    store(m, m0 + 2 * dm, even - odd)
    even, odd = y_0 + y_2 * Q2, y_1 * Q + y_3 * Q3
    store(m, m0 + 3 * dm, even + odd)
    store(m, m0 + 4 * dm, even - odd)
    even, odd = y_0 + y_2 * R2, y_1 * R + y_3 * R3
    store(m, m0 + 5 * dm, even + odd)
    store(m, m0 + 6 * dm, even - odd)


@jit
def _copy_window(
    H: int, W: int, image: Array, start: int, channels: int, y0: int, x0: int, rows: int, columns: int, window: Array
) -> None:
    """window[rows, columns, channels] = the image (H,W,C) from (y0, x0) on, zero outside."""
    left, right = max(0, -x0), min(columns, W - x0)
    for i in range(rows):
        line = i * columns * channels
        zero_run(window, line, columns * channels)
        if 0 <= y0 + i < H:
            source = start + ((y0 + i) * W + x0 + left) * channels
            copy_run(image, source, window, line + left * channels, (right - left) * channels)


@jit
def _input_tile(
    g: Geometry, x: Array, x0: int, x_row: int, channels: int, columns: Array, a: Array, a0: int, a_position: int
) -> None:
    """a[position, channel] = B^T x B of the tile whose first element is x[x0]."""
    width = lanes(a)
    line = g.points_w * width
    for channel in range(0, channels, width):
        count = channels - channel
        for j in range(g.points_w):
            _input_line(g.points_h, x, x0 + j * channels + channel, x_row, count, columns, j * width, line, width)
        for i in range(g.points_h):
            position = a0 + i * g.points_w * a_position + channel
            _input_line(g.points_w, columns, i * line, width, width, a, position, a_position, count)


@jit
def _output_gradient_tile(
    g: Geometry, dy: Array, dy0: int, dy_row: int, channels: int, columns: Array, c: Array, c0: int, c_position: int
) -> None:
    """c[position, n] = A dy A^T of the tile whose first element is dy[dy0]."""
    width = lanes(c)
    line = g.step_w * width
    for n in range(0, channels, width):
        for j in range(g.step_w):
            here = dy0 + j * channels + n
            _output_gradient_line(g.points_h, dy, here, dy_row, channels - n, columns, j * width, line)
        for i in range(g.points_h):
            position = c0 + i * g.points_w * c_position + n
            _output_gradient_line(g.points_w, columns, i * line, width, width, c, position, c_position)


@jit
def transform_inputs(
    g: Geometry,
    image: Array,
    start: int,
    channels: int,
    tile_row: int,
    tile_rows: int,
    window: Array,
    columns: Array,
    a: Array,
    a_start: int,
    a_position: int,
) -> None:
    """a[position, tile, channel] = B^T x B of every tile in some rows of tiles of an image (H,W,channels).

    image[start] is the image's first element; a_start, a_position: the place of (0, first tile, first channel) and the
    distance between positions.
    """
    not_inlined()
    for i in range(tile_rows):
        y0 = (tile_row + i) * g.step_h - g.kh // 2
        for j in range(g.tiles_w):
            x0 = j * g.step_w - g.kw // 2
            a0 = a_start + (i * g.tiles_w + j) * g.depth
            x, corner, x_row = image, start + (y0 * g.W + x0) * channels, g.W * channels
            if y0 < 0 or x0 < 0 or y0 + g.points_h > g.H or x0 + g.points_w > g.W:
                _copy_window(g.H, g.W, image, start, channels, y0, x0, g.points_h, g.points_w, window)
                x, corner, x_row = window, 0, g.points_w * channels
            _input_tile(g, x, corner, x_row, channels, columns, a, a0, a_position)


@jit
def transform_outputs(g: Geometry, tiles: int, columns: Array, c: Array, z: Array) -> None:
    """z[row, column, n] = A^T c A of the first `tiles` tiles of c[position, tile, n]."""
    not_inlined()
    width = lanes(c)
    line = g.points_w * width
    position = g.c_position
    z_row = g.tiles_w * g.step_w * g.columns
    for tile in range(tiles):
        i, j = tile // g.tiles_w, tile % g.tiles_w
        z0 = i * g.step_h * z_row + j * g.step_w * g.columns
        for n in range(0, g.columns, width):
            c0 = tile * g.columns + n
            for p in range(g.points_w):
                _output_line(g.points_h, c, c0 + p * position, g.points_w * position, columns, p * width, line)
            for p in range(g.step_h):
                _output_line(g.points_w, columns, p * line, width, z, z0 + p * z_row + n, g.columns)


@jit
def transform_output_gradients(
    g: Geometry,
    image: Array,
    start: int,
    channels: int,
    tile_row: int,
    tile_rows: int,
    window: Array,
    columns: Array,
    c: Array,
    c_start: int,
    c_position: int,
) -> None:
    """c[position, tile, n] = A dy A^T of every tile in some rows of tiles of an image dy (H,W,channels)."""
    not_inlined()
    for i in range(tile_rows):
        y0 = (tile_row + i) * g.step_h
        for j in range(g.tiles_w):
            x0 = j * g.step_w
            c0 = c_start + (i * g.tiles_w + j) * g.columns
            dy, corner, dy_row = image, start + (y0 * g.W + x0) * channels, g.W * channels
            if y0 + g.step_h > g.H or x0 + g.step_w > g.W:
                _copy_window(g.H, g.W, image, start, channels, y0, x0, g.step_h, g.step_w, window)
                dy, corner, dy_row = window, 0, g.step_w * channels
            _output_gradient_tile(g, dy, corner, dy_row, channels, columns, c, c0, c_position)
