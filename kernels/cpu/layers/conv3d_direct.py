"""Conv3D with strides, dilation, groups and any kernel size, by its definition: a loop over pixels and taps.

Forward:   (1)  y[p] = bias + sum over taps k of  x[p * stride + k * dilation - before] @ kernel[k]     outside x: zero

Backward:       dx[q]      = sum over k of dy[p] @ kernel[k]^T      where p * stride + k * dilation - before = q
                dkernel[k] = sum over p of x[p * stride + k * dilation - before]^T dy[p]
                dbias      = sum of dy

conv3d.py is the fast way for the windows that it knows. Here the innermost loop runs over neighbouring channels, so
that it becomes SIMD, and every sum has one order, whatever the number of threads.
"""

from typing import Any, NamedTuple

import numpy as np

from kernels.arrays import Array, HostArray
from kernels.cpu.compile.jit import claim_threads, jit, parallel, prange, signed
from kernels.cpu.products.sums import column_sums
from kernels.operations import Conv3D
from kernels.specs import Conv3DSpec


class Window(NamedTuple):
    """A Conv3DSpec as compiled code takes it: numbers alone."""

    B: int
    T: int
    H: int
    W: int
    T_out: int
    H_out: int
    W_out: int
    kt: int
    kh: int
    kw: int
    stride_t: int
    stride_h: int
    stride_w: int
    dilation_t: int
    dilation_h: int
    dilation_w: int
    before_t: int
    before_h: int
    before_w: int
    groups: int
    inner: int
    """Channels in, of one group."""
    outer: int
    """Channels out, of one group."""


@jit
def _forward_rows(w: Window, first: int, end: int, x: Array, kernel: Array, bias: Array, y: Array) -> None:
    """(1), flat arrays."""
    C, K = w.groups * w.inner, w.groups * w.outer
    for row in range(first, end):
        image, v = row // w.H_out, row % w.H_out
        t, b = image // w.B, image % w.B
        for u in range(w.W_out):
            here = (row * w.W_out + u) * K
            for n in range(K):
                y[here + n] = bias[n]
            for d in range(w.kt):
                tx = t * w.stride_t + d * w.dilation_t - w.before_t
                for i in range(w.kh):
                    vx = v * w.stride_h + i * w.dilation_h - w.before_h
                    if not (0 <= tx < w.T and 0 <= vx < w.H):
                        continue
                    for j in range(w.kw):
                        ux = u * w.stride_w + j * w.dilation_w - w.before_w
                        if not 0 <= ux < w.W:
                            continue
                        there = (((tx * w.B + b) * w.H + vx) * w.W + ux) * C
                        tap = ((d * w.kh + i) * w.kw + j) * w.inner * K
                        for g in range(w.groups):
                            for c in range(w.inner):
                                value = x[there + g * w.inner + c]
                                line = tap + c * K + g * w.outer
                                for n in range(w.outer):
                                    y[here + g * w.outer + n] += value * kernel[line + n]


@parallel
def _forward(w: Window, workers: int, x: Array, kernel: Array, bias: Array, y: Array) -> None:
    rows = w.T_out * w.B * w.H_out
    for index in prange(workers):
        worker = signed(index)
        _forward_rows(w, worker * rows // workers, (worker + 1) * rows // workers, x, kernel, bias, y)


@jit
def _backward_input_rows(w: Window, first: int, end: int, dy: Array, transposed: Array, dx: Array) -> None:
    """(1) with respect to x; transposed (kt,kh,kw,K,inner), flat like the rest."""
    C, K = w.groups * w.inner, w.groups * w.outer
    for row in range(first, end):
        image, v = row // w.H, row % w.H
        t, b = image // w.B, image % w.B
        for u in range(w.W):
            here = (row * w.W + u) * C
            for n in range(C):
                dx[here + n] = 0.0
            for d in range(w.kt):
                ty = t + w.before_t - d * w.dilation_t
                for i in range(w.kh):
                    vy = v + w.before_h - i * w.dilation_h
                    if ty % w.stride_t or vy % w.stride_h:
                        continue
                    ty_out, vy_out = ty // w.stride_t, vy // w.stride_h
                    if not (0 <= ty_out < w.T_out and 0 <= vy_out < w.H_out):
                        continue
                    for j in range(w.kw):
                        uy = u + w.before_w - j * w.dilation_w
                        if uy % w.stride_w or not 0 <= uy // w.stride_w < w.W_out:
                            continue
                        there = (((ty_out * w.B + b) * w.H_out + vy_out) * w.W_out + uy // w.stride_w) * K
                        tap = ((d * w.kh + i) * w.kw + j) * K * w.inner
                        for g in range(w.groups):
                            for n in range(g * w.outer, (g + 1) * w.outer):
                                value = dy[there + n]
                                line = tap + n * w.inner
                                for c in range(w.inner):
                                    dx[here + g * w.inner + c] += value * transposed[line + c]


@parallel
def _backward_input(w: Window, workers: int, dy: Array, transposed: Array, dx: Array) -> None:
    rows = w.T * w.B * w.H
    for index in prange(workers):
        worker = signed(index)
        _backward_input_rows(w, worker * rows // workers, (worker + 1) * rows // workers, dy, transposed, dx)


@jit
def _backward_kernel_lines(w: Window, first: int, end: int, dy: Array, x: Array, sums: Array, dkernel: Array) -> None:
    """(1) with respect to kernel; sums (kt*kh*kw*inner, K) in float64, one row for each row of dkernel."""
    C, K = w.groups * w.inner, w.groups * w.outer
    for line in range(first, end):
        tap, c = line // w.inner, line % w.inner
        d, i, j = tap // (w.kh * w.kw), tap // w.kw % w.kh, tap % w.kw
        for n in range(K):
            sums[line, n] = 0.0
        for row in range(w.T_out * w.B * w.H_out):
            image, v = row // w.H_out, row % w.H_out
            tx = image // w.B * w.stride_t + d * w.dilation_t - w.before_t
            vx = v * w.stride_h + i * w.dilation_h - w.before_h
            if not (0 <= tx < w.T and 0 <= vx < w.H):
                continue
            start = ((tx * w.B + image % w.B) * w.H + vx) * w.W
            for u in range(w.W_out):
                ux = u * w.stride_w + j * w.dilation_w - w.before_w
                if not 0 <= ux < w.W:
                    continue
                there, here = (start + ux) * C + c, (row * w.W_out + u) * K
                for g in range(w.groups):
                    value = x[there + g * w.inner]
                    for n in range(g * w.outer, (g + 1) * w.outer):
                        sums[line, n] += value * dy[here + n]
        for n in range(K):
            dkernel[line * K + n] = sums[line, n]


@parallel
def _backward_kernel(w: Window, workers: int, dy: Array, x: Array, sums: Array, dkernel: Array) -> None:
    lines = w.kt * w.kh * w.kw * w.inner
    for index in prange(workers):
        worker = signed(index)
        _backward_kernel_lines(w, worker * lines // workers, (worker + 1) * lines // workers, dy, x, sums, dkernel)


class CpuDirectConv3D(Conv3D[HostArray]):
    """Convolutions of every kind, by their definition."""

    def __init__(self, spec: Conv3DSpec, dtype: np.dtype[Any], workers: int) -> None:
        self.workers = workers
        kernel, inner, outer = (spec.kt, spec.kh, spec.kw), spec.C // spec.groups, spec.K // spec.groups
        self.window = Window(
            spec.B, spec.T, spec.H, spec.W, *spec.output_size, *kernel, *spec.strides, *spec.dilation, *spec.before,
            spec.groups, inner, outer,
        )  # fmt: skip
        self.y = np.zeros(spec.y_shape, dtype)
        if spec.training:
            self.dx = np.zeros(spec.x_shape, dtype)
            self.transposed = np.zeros((*kernel, spec.K, inner), dtype)
            self.sums = np.zeros((spec.kt * spec.kh * spec.kw * inner, spec.K))

    def forward(self, x: HostArray, kernel: HostArray, bias: HostArray) -> HostArray:
        claim_threads(self.workers)
        _forward(self.window, self.workers, x.reshape(-1), kernel.reshape(-1), bias, self.y.reshape(-1))
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
        flat = dy.reshape(-1)
        if dkernel is not None and dbias is not None:
            _backward_kernel(self.window, self.workers, flat, x.reshape(-1), self.sums, dkernel.reshape(-1))
            column_sums(flat, dbias)
        if not need_dx:
            return None
        self.transposed[...] = kernel.swapaxes(3, 4)
        _backward_input(self.window, self.workers, flat, self.transposed.reshape(-1), self.dx.reshape(-1))
        return self.dx
