"""A 2-D convolution, a chunk of rows at a time, whichever way it is computed.

    read_inputs         images -> a     direct: padded rows, [row][column][channel]
                                        Winograd: transformed tiles, [position][tile][channel]
    multiply            a, b -> z       register tiles over the packed kernels b (pack_kernels); Winograd transforms
                                        the products back; z is [row][column][channel out]

Channels of several images may stand side by side in a (x and h of a ConvLSTM, the frames of a Conv3D): then one
product sums over all of them.
"""

from typing import Any, NamedTuple

import numpy as np

from kernels.cpu.direct import pad_rows
from kernels.cpu.gemm import SPARE_ROWS, group_count, group_start, multiply_packed
from kernels.cpu.geometry import Geometry
from kernels.cpu.jit import jit, parallel, prange
from kernels.cpu.vector import broadcast, lanes, load, store
from kernels.cpu.winograd import kernel_transform, transform_inputs, transform_outputs

Array = Any


class Workspace(NamedTuple):
    """Scratch of each worker, (workers, elements): nothing in it outlives a chunk."""

    a: Array
    c: Array
    z: Array
    window: Array
    columns: Array


def workspace(workers: int, geometries: list[Geometry], lanes: int, dtype: Any) -> Workspace:
    """Scratch that is large enough for chunks of any of these geometries."""
    spare = SPARE_ROWS * lanes

    def scratch(size: int) -> Array:
        return np.zeros((workers, size + spare), dtype)

    return Workspace(
        scratch(max(g.a_size for g in geometries)),
        scratch(max(g.c_size for g in geometries)),
        scratch(max(g.z_size for g in geometries)),
        scratch(max(g.positions * max(g.depth, g.columns) for g in geometries)),
        scratch(36 * lanes),
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
    a = work.a[worker]
    if g.winograd:
        tile_rows = (rows + g.step_h - 1) // g.step_h
        transform_inputs(
            g, image, start, channels, row // g.step_h, tile_rows,
            work.window[worker], work.columns[worker], a, first_channel, g.slots * g.depth,
        )  # fmt: skip
    else:
        pad_rows(g, image, start, channels, row - g.kh // 2, 0, rows + g.kh - 1, a, first_channel)


@jit
def multiply(g: Geometry, rows: int, inner: int, b: Array, work: Workspace, worker: int) -> None:
    """z = the convolution of the first `inner` channels that `read_inputs` has put into a; direct: of all."""
    a, c, z = work.a[worker], work.c[worker], work.z[worker]
    if g.winograd:
        tiles = (rows + g.step_h - 1) // g.step_h * g.tiles_w
        for p in range(g.points_h * g.points_w):
            multiply_packed(
                tiles, g.columns, g.depth,
                a, p * g.slots * g.depth, 0, g.depth,
                b, p * g.depth * g.columns,
                c, p * g.slots * g.columns, g.columns,
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


@parallel
def pack_kernels(g: Geometry, workers: int, g_h: Array, g_w: Array, kernel: Array, b: Array) -> None:
    """b = G kernel G^T for each channel pair, in the order in which products read it; kernel (kh,kw,depth,columns)."""
    for worker in prange(workers):
        first_k, end_k = share(worker, workers, g.depth)
        width = lanes(b)
        vectors = g.columns // width
        for group in range(group_count(vectors)):
            first, end = group_start(group, vectors), group_start(group + 1, vectors)
            for k in range(first_k, end_k):
                for vector in range(first, end):
                    for p in range(g.points_h):
                        for q in range(g.points_w):
                            total = broadcast(b, 0.0)
                            for i in range(g.kh):
                                for j in range(g.kw):
                                    tap = ((i * g.kw + j) * g.depth + k) * g.columns + vector * width
                                    total = total + load(kernel, tap) * (g_h[p, i] * g_w[q, j])
                            position = p * g.points_w + q
                            store(b, _packed_place(g, position, k, vector, width, first, end - first), total)


class Kernels:
    """The kernels of one convolution: as rows of whole vectors, and as its products read them."""

    def __init__(self, g: Geometry, workers: int, dtype: np.dtype[Any]) -> None:
        self.geometry, self.workers = g, workers
        self.g_h, self.g_w = transforms(g, dtype)
        self.rows = np.zeros((g.kh, g.kw, g.depth, g.columns), dtype)
        self.packed = np.zeros(g.positions * g.depth * g.columns, dtype)

    def pack(self) -> None:
        """Make `packed` of `rows`."""
        pack_kernels(self.geometry, self.workers, self.g_h, self.g_w, self.rows.reshape(-1), self.packed)
