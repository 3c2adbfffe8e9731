"""A 2-D convolution, a chunk of rows at a time, whichever way it is computed.

    read_inputs         images -> a     direct: padded rows, [row][column][channel]
                                        Winograd: transformed tiles, [position][tile][channel]
    multiply            a, b -> z       register tiles over the packed kernels b (pack_kernels); Winograd transforms
                                        the products back; z is [row][column][channel out]

Channels of several images may stand side by side in a (x and h of a ConvLSTM, the frames of a Conv3D): then one
product sums over all of them.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from kernels.arrays import Array, HostArray
from kernels.cpu.compile.inlining import not_inlined
from kernels.cpu.compile.jit import jit, parallel, prange, signed
from kernels.cpu.compile.memory import zeros
from kernels.cpu.compile.vector import broadcast, lanes, load, load_first, store, store_first
from kernels.cpu.products.direct import pad_rows
from kernels.cpu.products.gemm import SPARE_ROWS, group_count, group_start, multiply_packed
from kernels.cpu.products.geometry import MOST_POSITIONS, Geometry
from kernels.cpu.products.winograd import kernel_transform, transform_inputs, transform_outputs


class Workspace(NamedTuple):
    """Scratch of each worker, (workers, elements): nothing in it outlives a chunk."""

    a: Array
    c: Array
    z: Array
    window: Array
    columns: Array


def workspace(
    workers: int, geometries: list[Geometry], lanes: int, dtype: Any, a_size: int = 0, c_size: int = 0
) -> Workspace:
    """Scratch that is large enough for chunks of any of these geometries, and at least as large as asked for."""
    spare = SPARE_ROWS * lanes

    def scratch(size: int) -> Array:
        return zeros((workers, -(-size // lanes) * lanes + spare), dtype)

    return Workspace(
        scratch(max(a_size, *(g.a_size for g in geometries))),
        scratch(max(c_size, *(g.c_size for g in geometries))),
        scratch(max(g.z_size for g in geometries)),
        scratch(max(g.positions * max(g.depth, g.columns) for g in geometries)),
        scratch(MOST_POSITIONS * lanes),
    )


@jit
def share(worker: int, workers: int, items: int) -> tuple[int, int]:
    """The contiguous range of items that a worker does."""
    return worker * items // workers, (worker + 1) * items // workers


@jit
def z_row(g: Geometry) -> int:
    """Distance between rows of z, in elements."""
    return (g.tiles_w * g.step_w if g.winograd else g.slots) * g.columns


@jit
def read_inputs(
    g: Geometry,
    image: Array,
    start: int,
    channels: int,
    first_channel: int,
    row: int,
    rows: int,
    work: Workspace,
    worker: int,
) -> None:
    """Put what output rows row, row + 1, ... see of one image (H,W,channels) beside the channels of other images.

    Images must come in the order of their channels; image[start] is the first element.
    """
    not_inlined()
    a = work.a[worker]
    if g.winograd:
        tile_rows = (rows + g.step_h - 1) // g.step_h
        transform_inputs(
            g, image, start, channels, row // g.step_h, tile_rows,
            work.window[worker], work.columns[worker], a, first_channel, g.a_position,
        )  # fmt: skip
    else:
        pad_rows(g, image, start, channels, row - g.kh // 2, 0, rows + g.kh - 1, a, first_channel)


@jit
def multiply(g: Geometry, rows: int, inner: int, b: Array, work: Workspace, worker: int) -> None:
    """z = the convolution of the first `inner` channels that `read_inputs` has put into a; direct: of all."""
    not_inlined()
    a, c, z = work.a[worker], work.c[worker], work.z[worker]
    if g.winograd:
        tiles = (rows + g.step_h - 1) // g.step_h * g.tiles_w
        for p in range(g.points_h * g.points_w):
            multiply_packed(
                tiles, g.columns, g.depth,
                a, p * g.a_position, 0, g.depth,
                b, p * g.depth * g.columns,
                c, p * g.c_position, g.columns,
                1, inner,
            )  # fmt: skip
        transform_outputs(g, tiles, work.columns[worker], c, z)
    else:
        a_row = (g.slots + g.kw - 1) * g.depth
        run = g.kw * g.depth
        for i in range(rows):
            multiply_packed(
                g.W, g.columns, run, a, i * a_row, a_row, g.depth, b, 0, z, i * z_row(g), g.columns, g.kh, run
            )


@jit
def _add_bias(z: Array, z_start: int, bias: Array, first: int, y: Array, y_start: int, count: int) -> None:
    """y[y_start : +count] = z[z_start : +count] + bias[first : +count]."""
    for k in range(0, count, lanes(z)):
        value = load(z, z_start + k) + load_first(bias, first + k, count - k)
        store_first(y, y_start + k, value, count - k)


@jit
def write_outputs(
    g: Geometry,
    row: int,
    rows: int,
    bias: Array,
    y: Array,
    y_start: int,
    y_channels: int,
    rest: Array,
    rest_start: int,
    work: Workspace,
    worker: int,
) -> None:
    """[y | rest] = z + bias for some rows of one image; y_start, rest_start: of the image.

    The first y_channels of bias.size channels go to y, the others to rest.
    """
    not_inlined()
    z = work.z[worker]
    rest_channels = bias.size - y_channels
    for i in range(rows):
        for column in range(g.W):
            pixel = (row + i) * g.W + column
            source = i * z_row(g) + column * g.columns
            _add_bias(z, source, bias, signed(0), y, y_start + pixel * y_channels, y_channels)
            _add_bias(z, source + y_channels, bias, y_channels, rest, rest_start + pixel * rest_channels, rest_channels)


@parallel
def convolve_frames(
    g: Geometry,
    workers: int,
    T: int,
    B: int,
    kt: int,
    first_offset: int,
    direction: int,
    x: Array,
    channels: int,
    zero_frame: Array,
    b: Array,
    bias: Array,
    y: Array,
    y_channels: int,
    rest: Array,
    work: Workspace,
) -> None:
    """[y_t | rest_t] = bias + convolution of [x_{t+offset} | x_{t+offset+direction} | ...], kt frames.

    x (T,B,H,W,channels), flat like y and rest; zero_frame stands for the frames that x does not have. The first
    y_channels of bias.size outputs go to y, the rest to rest.
    """
    chunks = (g.H + g.chunk_rows - 1) // g.chunk_rows
    for index in prange(workers):
        worker = signed(index)
        first, end = share(worker, workers, T * B * chunks)
        for chunk in range(first, end):
            t, image, row = chunk // (B * chunks), chunk // chunks % B, chunk % chunks * g.chunk_rows
            rows = min(g.chunk_rows, g.H - row)
            for d in range(kt):
                frame = t + first_offset + d * direction
                if 0 <= frame < T:
                    start = (frame * B + image) * g.H * g.W * channels
                    read_inputs(g, x, start, channels, d * channels, row, rows, work, worker)
                else:
                    read_inputs(g, zero_frame, signed(0), channels, d * channels, row, rows, work, worker)
            multiply(g, rows, kt * channels, b, work, worker)
            first_pixel = (t * B + image) * g.H * g.W
            write_outputs(
                g, row, rows, bias, y, first_pixel * y_channels, y_channels,
                rest, first_pixel * (bias.size - y_channels), work, worker,
            )  # fmt: skip


def transforms(g: Geometry, dtype: Any) -> tuple[Array, Array]:
    """G of both axes, (points, size): for the direct way each tap is its own point."""
    if not g.winograd:
        return np.eye(g.kh, dtype=dtype), np.eye(g.kw, dtype=dtype)
    return kernel_transform(g.kh).astype(dtype), kernel_transform(g.kw).astype(dtype)


@jit
def _packed_place(g: Geometry, position: int, k: int, vector: int, width: int, first: int, count: int) -> int:
    """Where `multiply_packed` looks for one vector of b; its group has `count` vectors from `first` on."""
    if g.winograd:
        start = position * g.depth * g.columns + first * width * g.depth
        return start + (k * count + vector - first) * width
    taps = g.points_h * g.points_w
    return first * width * taps * g.depth + ((position * g.depth + k) * count + vector - first) * width


@jit
def pack_kernels(g: Geometry, g_h: Array, g_w: Array, kernel: Array, b: Array) -> None:
    """b = G kernel G^T for each channel pair, in the order in which products read it; kernel (kh,kw,depth,columns)."""
    width = lanes(b)
    vectors = g.columns // width
    for group in range(group_count(vectors)):
        first, end = group_start(group, vectors), group_start(group + 1, vectors)
        for k in range(g.depth):
            for vector in range(first, end):
                for position in range(g.points_h * g.points_w):
                    p, q = position // g.points_w, position % g.points_w
                    total = broadcast(b, 0.0)
                    for i in range(g.kh):
                        for j in range(g.kw):
                            tap = ((i * g.kw + j) * g.depth + k) * g.columns + vector * width
                            total = total + load(kernel, tap) * (g_h[p, i] * g_w[q, j])
                    store(b, _packed_place(g, position, k, vector, width, first, end - first), total)


class Kernels:
    """The kernels of one convolution: as rows of whole vectors, and as its products read them."""

    def __init__(self, g: Geometry, dtype: np.dtype[Any]) -> None:
        self.geometry = g
        self.g_h, self.g_w = transforms(g, dtype)
        self.rows = zeros((g.kh, g.kw, g.depth, g.columns), dtype)
        self.packed = zeros(g.positions * g.depth * g.columns, dtype)

    def pack(self, parts: Sequence[tuple[int, int, HostArray]]) -> None:
        """Make `packed` of kernels (kh,kw,n,m), each with the depth and the column at which it begins.

        Kernels that are packed already are left alone: a rollout calls with the same ones for each frame.
        """
        changed = False
        for depth, column, kernel in parts:
            place = self.rows[:, :, depth : depth + kernel.shape[2], column : column + kernel.shape[3]]
            if not np.array_equal(place, kernel):
                place[...] = kernel
                changed = True
        if changed:
            pack_kernels(self.geometry, self.g_h, self.g_w, self.rows.reshape(-1), self.packed)
