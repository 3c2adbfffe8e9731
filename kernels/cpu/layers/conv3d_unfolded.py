"""Conv3D with any window, strides, dilation and groups, as matrix products over its unfolded input.

Forward:   (1)  a = unfold(x)                  a row for each output pixel: all numbers that it sees
           (2)  y = a @ kernel + bias          with groups, a product for each

Backward:       dx      = fold(dy @ kernel^T)        (2), (1)
                dkernel = a^T @ dy                   (2), with a laid out once more
                dbias   = sum of dy                  (2)

Some hundred pixels at a time, so that their rows stay within a core's own cache. conv3d.py is the faster way for the
windows that it knows.
"""

from itertools import pairwise
from typing import Any

import numpy as np

from kernels.arrays import Array, HostArray
from kernels.cpu.compile.jit import claim_threads, jit, parallel, prange, signed
from kernels.cpu.compile.memory import zeros
from kernels.cpu.compile.vector import lanes, lanes_of, load, load_first, store_first
from kernels.cpu.products.convolution import share
from kernels.cpu.products.gemm import (
    SPARE_ROWS,
    group_count,
    group_start,
    multiply_packed,
    rows_of_tile,
    tile_that_adds,
)
from kernels.cpu.products.sums import column_sums
from kernels.cpu.products.unfolding import Window, fold, unfold, window_of
from kernels.operations import Conv3D
from kernels.specs import Conv3DSpec

_BLOCK_BYTES = 1 << 18
"""Unfolded rows of a block, at most."""

_MOST_PIXELS, _LEAST_PIXELS = 512, 16
"""Pixels of a block."""

_MOST_PARTIAL_SUMS = 8
"""Sums of the kernel's gradient that are built side by side at most, and threads that have work."""


@jit
def _write_rows(
    z: Array, columns: int, bias: Array, group: int, outer: int, y: Array, start: int, K: int, rows: int
) -> None:
    """y[start + i*K + group*outer ...] = row i of z + bias."""
    for i in range(rows):
        here = start + i * K + group * outer
        for n in range(0, outer, lanes(z)):
            value = load(z, i * columns + n) + load_first(bias, group * outer + n, outer - n)
            store_first(y, here + n, value, outer - n)


@jit
def _read_rows(y: Array, start: int, group: int, outer: int, K: int, rows: int, target: Array, width: int) -> None:
    """target[i, :outer] = y[start + i*K + group*outer ...], rows of width numbers."""
    for i in range(rows):
        here = start + i * K + group * outer
        for n in range(0, outer, lanes(y)):
            store_first(target, i * width + n, load_first(y, here + n, outer - n), outer - n)


@parallel
def _forward(
    w: Window,
    workers: int,
    block: int,
    x: Array,
    packed: Array,
    columns: int,
    bias: Array,
    y: Array,
    a: Array,
    z: Array,
) -> None:
    """(1) and (2), flat arrays; a, z: scratch of each worker."""
    pixels = w.T_out * w.B * w.H_out * w.W_out
    depth, K = w.kt * w.kh * w.kw * w.inner, w.groups * w.outer
    blocks = (pixels + block - 1) // block
    for index in prange(workers):
        worker = signed(index)
        first_block, end_block = share(worker, workers, blocks)
        for number in range(first_block, end_block):
            first = number * block
            end = min(pixels, first + block)
            for group in range(w.groups):
                unfold(w, group, first, end, x, a[worker], depth)
                multiply_packed(
                    end - first, columns, depth, a[worker], signed(0), signed(0), depth,
                    packed, group * depth * columns, z[worker], signed(0), columns, signed(1), depth,
                )  # fmt: skip
                _write_rows(z[worker], columns, bias, group, w.outer, y, first * K, K, end - first)


@parallel
def _backward_input(
    w: Window,
    workers: int,
    block: int,
    units: int,
    pieces: int,
    size: int,
    dy: Array,
    packed: Array,
    columns: int,
    dx: Array,
    a: Array,
    d: Array,
) -> None:
    """(2) and (1) with respect to x, flat arrays.

    Unit n has the pixels from (piece * units + n) * size on, for each of its pieces, size of them; no two units see one
    number of x. columns: of a, a row's numbers and what fills up the last vector.
    """
    pixels = w.T_out * w.B * w.H_out * w.W_out
    K = w.groups * w.outer
    for index in prange(workers):
        first, end = share(signed(index), workers, dx.size)
        for i in range(first, end):
            dx[i] = 0.0
    for index in prange(workers):
        worker = signed(index)
        first_unit, end_unit = share(worker, workers, units)
        for unit in range(first_unit, end_unit):
            for piece in range(pieces):
                start = (piece * units + unit) * size
                stop = min(pixels, start + size)
                for first in range(start, stop, block):
                    end = min(stop, first + block)
                    for group in range(w.groups):
                        _read_rows(dy, first * K, group, w.outer, K, end - first, d[worker], w.outer)
                        multiply_packed(
                            end - first, columns, w.outer, d[worker], signed(0), signed(0), w.outer,
                            packed, group * w.outer * columns, a[worker], signed(0), columns, signed(1), w.outer,
                        )  # fmt: skip
                        fold(w, group, first, end, a[worker], columns, dx)


@parallel
def _backward_kernel(
    w: Window, workers: int, block: int, dy: Array, x: Array, sums: Array, columns: int, a: Array, d: Array
) -> None:
    """(2) with respect to kernel: sums (parts, groups * (depth + SPARE_ROWS) * columns)."""
    pixels = w.T_out * w.B * w.H_out * w.W_out
    depth, K = w.kt * w.kh * w.kw * w.inner, w.groups * w.outer
    blocks, parts = (pixels + block - 1) // block, sums.shape[0]
    width = lanes(sums)
    vectors = columns // width
    for index in prange(workers):
        worker = signed(index)
        first_part, end_part = share(worker, workers, parts)
        for part in range(first_part, end_part):
            total = sums[part]
            for i in range(total.size):
                total[i] = 0.0
            first_block, end_block = share(part, parts, blocks)
            for number in range(first_block, end_block):
                first = number * block
                end = min(pixels, first + block)
                for group in range(w.groups):
                    unfold(w, group, first, end, x, a[worker], depth)
                    _read_rows(dy, first * K, group, w.outer, K, end - first, d[worker], columns)
                    for part_of_columns in range(group_count(vectors)):
                        vector = group_start(part_of_columns, vectors)
                        count = group_start(part_of_columns + 1, vectors) - vector
                        for i in range(0, depth, rows_of_tile(count)):
                            tile_that_adds(
                                count,
                                a[worker], i, signed(0), depth, signed(1),
                                d[worker], vector * width, signed(0), columns,
                                total, (group * (depth + SPARE_ROWS) + i) * columns + vector * width, columns,
                                signed(1), end - first,
                            )  # fmt: skip


class CpuUnfoldedConv3D(Conv3D[HostArray]):
    """Convolutions of every kind."""

    def __init__(self, spec: Conv3DSpec, dtype: np.dtype[Any], workers: int) -> None:
        self.workers, self.window = workers, (w := window_of(spec))
        self._lanes = lanes_of(dtype.itemsize)
        self._shape = (w.groups, w.kt * w.kh * w.kw, w.inner, w.outer)
        depth, columns, width = w.depth, self._padded(w.outer), self._padded(w.depth)
        self._block = _block(w, dtype.itemsize)
        self.y = zeros(spec.y_shape, dtype)
        self._packed = zeros(w.groups * depth * columns, dtype)
        rows = self._block + SPARE_ROWS
        self._a = zeros((workers, rows * width), dtype)
        self._z = zeros((workers, rows * max(columns, w.outer)), dtype)
        if spec.training:
            self.dx = zeros(spec.x_shape, dtype)
            self._packed_back = zeros(w.groups * w.outer * width, dtype)
            self._units = _units(spec, w, self._block)
            parts = max(1, min(_MOST_PARTIAL_SUMS, -(-w.pixels // self._block)))
            self._sums = zeros((parts, w.groups * (depth + SPARE_ROWS) * columns), dtype)

    def forward(self, x: HostArray, kernel: HostArray, bias: HostArray) -> HostArray:
        claim_threads(self.workers)
        w, columns = self.window, self._padded(self.window.outer)
        self._pack(self._grouped(kernel).reshape(w.groups, w.depth, w.outer), self._packed, columns)
        _forward(
            w,
            self.workers,
            self._block,
            x.reshape(-1),
            self._packed,
            columns,
            bias,
            self.y.reshape(-1),
            self._a,
            self._z,
        )
        return self.y

    def backward(
        self,
        dy: HostArray,
        x: HostArray,
        kernel: HostArray,
        dkernel: HostArray | None,
        dbias: HostArray | None,
        need_dx: bool = True,
    ) -> HostArray | None:
        claim_threads(self.workers)
        w, flat = self.window, dy.reshape(-1)
        if dkernel is not None and dbias is not None:
            self._gradient(flat, x.reshape(-1), dkernel)
            column_sums(flat, dbias)
        if not need_dx:
            return None
        width = self._padded(w.depth)
        self._pack(self._grouped(kernel).reshape(w.groups, w.depth, w.outer).swapaxes(1, 2), self._packed_back, width)
        _backward_input(
            w, self.workers, self._block, *self._units, flat, self._packed_back, width, self.dx.reshape(-1), self._a,
            self._z,
        )  # fmt: skip
        return self.dx

    def _gradient(self, dy: HostArray, x: HostArray, dkernel: HostArray) -> None:
        w, columns = self.window, self._padded(self.window.outer)
        _backward_kernel(w, self.workers, self._block, dy, x, self._sums, columns, self._a, self._z)
        total = self._sums.sum(axis=0).reshape(w.groups, w.depth + SPARE_ROWS, columns)
        self._grouped(dkernel)[...] = total[:, : w.depth, : w.outer].reshape(self._shape)

    def _padded(self, columns: int) -> int:
        """So many columns and what fills up the last vector."""
        return -(-columns // self._lanes) * self._lanes

    def _grouped(self, kernel: HostArray) -> HostArray:
        """A view of a kernel (kt,kh,kw,C/groups,K) as (groups, taps, C/groups, K/groups)."""
        w = self.window
        return np.moveaxis(kernel.reshape(-1, w.inner, w.groups, w.outer), 2, 0)

    def _pack(self, matrices: HostArray, packed: HostArray, columns: int) -> None:
        """packed = matrices (groups, depth, n), filled up to `columns`, in the order in which products read them."""
        groups, depth, n = matrices.shape
        vectors = columns // self._lanes
        counts = group_count.py_func(vectors)
        edges = [group_start.py_func(part, vectors) * self._lanes for part in range(counts + 1)]
        rows = packed.reshape(groups, depth * columns)
        for first, end in pairwise(edges):
            place = rows[:, first * depth : end * depth].reshape(groups, depth, end - first)
            place[:, :, : min(end, n) - first] = matrices[:, :, first:end]


def _block(w: Window, itemsize: int) -> int:
    """Pixels of a block: fixed by the shapes."""
    fitting = _BLOCK_BYTES // (w.depth * itemsize)
    return max(_LEAST_PIXELS, min(_MOST_PIXELS, fitting, -(-w.pixels // _MOST_PARTIAL_SUMS)))


def _units(spec: Conv3DSpec, w: Window, block: int) -> tuple[int, int, int]:
    """Units of the input's gradient, pieces of a unit, and pixels of a piece (see _backward_input)."""
    image = w.H_out * w.W_out
    if (w.kt, w.kh, w.kw) == (1, 1, 1):
        return -(-w.pixels // block), 1, block
    if w.kt == 1:
        return w.T_out * w.B, 1, image
    return w.B, w.T_out, image
