"""Conv3D with a group for each channel, by its definition: too little is multiplied for a matrix product.

Forward:   (1)  y[p, n] = bias[n] + sum over taps k of  x[p * stride + k * dilation - before, n] * kernel[k, n]

Backward:       dx[q, n]      = sum over k of dy[p, n] * kernel[k, n]    where p * stride + k * dilation - before = q
                dkernel[k, n] = sum over p of x[p * stride + k * dilation - before, n] * dy[p, n]
                dbias[n]      = sum of dy

n counts channels out. Where each channel in has several, x is repeated for them first, and dx summed over them last.
A vector of neighbouring channels stays in a register while the taps of a row are added up, and every sum has one order,
whatever the number of threads.
"""

from typing import Any

import numpy as np

from kernels.arrays import Array, HostArray
from kernels.cpu.compile.jit import claim_threads, jit, parallel, prange, signed
from kernels.cpu.compile.memory import zeros
from kernels.cpu.compile.vector import broadcast, lanes, load_first, store_first
from kernels.cpu.products.convolution import share
from kernels.cpu.products.sums import column_sums
from kernels.cpu.products.unfolding import Window, window_of
from kernels.operations import Conv3D
from kernels.specs import Conv3DSpec

_MOST_PARTIAL_SUMS = 8
"""Sums of the kernel's gradient that are built side by side at most, and threads that have work."""


@jit
def _whole_columns(w: Window) -> tuple[int, int]:
    """The first output column, and that after the last, whose taps all lie within a row."""
    reach = (w.kw - 1) * w.dilation_w
    first = min(w.W_out, (w.before_w + w.stride_w - 1) // w.stride_w)
    last = (w.W - 1 - reach + w.before_w) // w.stride_w
    return first, max(first, min(w.W_out, last + 1))


@jit
def _add_taps(
    w: Window, u0: int, u1: int, whole: bool, x: Array, x_row: int, kernel: Array, line: int, y: Array, y_row: int
) -> None:
    """Add to a row of y, columns u0 to u1, what it sees through one row of the kernel; whole: no tap lies outside."""
    K = w.groups * w.outer
    for u in range(u0, u1):
        ux = u * w.stride_w - w.before_w
        for n in range(0, K, lanes(x)):
            total = load_first(y, y_row + u * K + n, K - n)
            for j in range(w.kw):
                at = ux + j * w.dilation_w
                if whole or 0 <= at < w.W:
                    seen = load_first(x, x_row + at * K + n, K - n)
                    total = total + seen * load_first(kernel, line + j * K + n, K - n)
            store_first(y, y_row + u * K + n, total, K - n)


@jit
def _forward_rows(w: Window, first: int, end: int, x: Array, kernel: Array, bias: Array, y: Array) -> None:
    """(1), flat arrays."""
    K = w.groups * w.outer
    whole_first, whole_end = _whole_columns(w)
    for row in range(first, end):
        image, v = row // w.H_out, row % w.H_out
        t, b = image // w.B, image % w.B
        y_row = row * w.W_out * K
        for u in range(w.W_out):
            for n in range(K):
                y[y_row + u * K + n] = bias[n]
        for d in range(w.kt):
            tx = t * w.stride_t + d * w.dilation_t - w.before_t
            for i in range(w.kh):
                vx = v * w.stride_h + i * w.dilation_h - w.before_h
                if 0 <= tx < w.T and 0 <= vx < w.H:
                    x_row, line = ((tx * w.B + b) * w.H + vx) * w.W * K, (d * w.kh + i) * w.kw * K
                    _add_taps(w, 0, whole_first, False, x, x_row, kernel, line, y, y_row)
                    _add_taps(w, whole_first, whole_end, True, x, x_row, kernel, line, y, y_row)
                    _add_taps(w, whole_end, w.W_out, False, x, x_row, kernel, line, y, y_row)


@parallel
def _forward(w: Window, workers: int, x: Array, kernel: Array, bias: Array, y: Array) -> None:
    for index in prange(workers):
        first, end = share(signed(index), workers, w.T_out * w.B * w.H_out)
        _forward_rows(w, first, end, x, kernel, bias, y)


@jit
def _backward_input_rows(w: Window, first: int, end: int, dy: Array, kernel: Array, dx: Array) -> None:
    """(1) with respect to x, flat arrays."""
    K = w.groups * w.outer
    for row in range(first, end):
        image, v = row // w.H, row % w.H
        t, b = image // w.B, image % w.B
        for u in range(w.W):
            for n in range(0, K, lanes(dy)):
                total = broadcast(dy, 0.0)
                for d in range(w.kt):
                    ty = t + w.before_t - d * w.dilation_t
                    for i in range(w.kh):
                        vy = v + w.before_h - i * w.dilation_h
                        if ty % w.stride_t or vy % w.stride_h:
                            continue
                        ty_out, vy_out = ty // w.stride_t, vy // w.stride_h
                        if not (0 <= ty_out < w.T_out and 0 <= vy_out < w.H_out):
                            continue
                        start = ((ty_out * w.B + b) * w.H_out + vy_out) * w.W_out
                        for j in range(w.kw):
                            uy = u + w.before_w - j * w.dilation_w
                            if uy % w.stride_w == 0 and 0 <= uy // w.stride_w < w.W_out:
                                tap = ((d * w.kh + i) * w.kw + j) * K + n
                                slope = load_first(dy, (start + uy // w.stride_w) * K + n, K - n)
                                total = total + slope * load_first(kernel, tap, K - n)
                store_first(dx, (row * w.W + u) * K + n, total, K - n)


@parallel
def _backward_input(w: Window, workers: int, dy: Array, kernel: Array, dx: Array) -> None:
    for index in prange(workers):
        first, end = share(signed(index), workers, w.T * w.B * w.H)
        _backward_input_rows(w, first, end, dy, kernel, dx)


@jit
def _backward_kernel_rows(w: Window, first: int, end: int, dy: Array, x: Array, sums: Array) -> None:
    """(1) with respect to kernel, added to sums (kt*kh*kw*K), flat like the rest."""
    K = w.groups * w.outer
    for row in range(first, end):
        image, v = row // w.H_out, row % w.H_out
        t, b = image // w.B, image % w.B
        for d in range(w.kt):
            tx = t * w.stride_t + d * w.dilation_t - w.before_t
            for i in range(w.kh):
                vx = v * w.stride_h + i * w.dilation_h - w.before_h
                if not (0 <= tx < w.T and 0 <= vx < w.H):
                    continue
                start = ((tx * w.B + b) * w.H + vx) * w.W
                for j in range(w.kw):
                    shift = j * w.dilation_w - w.before_w
                    u0 = max(0, (w.stride_w - 1 - shift) // w.stride_w)
                    u1 = min(w.W_out, (w.W - 1 - shift) // w.stride_w + 1)
                    for n in range(0, K, lanes(x)):
                        tap = ((d * w.kh + i) * w.kw + j) * K + n
                        total = load_first(sums, tap, K - n)
                        for u in range(u0, u1):
                            slope = load_first(dy, (row * w.W_out + u) * K + n, K - n)
                            total = total + load_first(x, (start + u * w.stride_w + shift) * K + n, K - n) * slope
                        store_first(sums, tap, total, K - n)


@parallel
def _backward_kernel(w: Window, workers: int, dy: Array, x: Array, sums: Array) -> None:
    """sums (parts, kt*kh*kw*K)."""
    parts = sums.shape[0]
    for index in prange(workers):
        first_part, end_part = share(signed(index), workers, parts)
        for part in range(first_part, end_part):
            total = sums[part]
            for n in range(total.size):
                total[n] = 0.0
            first, end = share(part, parts, w.T_out * w.B * w.H_out)
            _backward_kernel_rows(w, first, end, dy, x, total)


class CpuDepthwiseConv3D(Conv3D[HostArray]):
    """Convolutions of each channel by itself."""

    def __init__(self, spec: Conv3DSpec, dtype: np.dtype[Any], workers: int) -> None:
        self.workers, self.window = workers, window_of(spec)
        self._each = self.window.outer
        self.y = zeros(spec.y_shape, dtype)
        repeated = (*spec.x_shape[:-1], spec.C, self._each)
        self._x = zeros(repeated, dtype) if self._each > 1 else None
        if spec.training:
            self.dx = zeros(spec.x_shape, dtype)
            self._dx = zeros(repeated, dtype) if self._each > 1 else self.dx
            self._mirror = _mirrored(self.window) if max(spec.strides) == 1 else None
            self._flipped, self._no_bias = zeros(spec.kernel_shape, dtype), zeros(spec.K, dtype)
            parts = max(1, min(_MOST_PARTIAL_SUMS, spec.T * spec.B * spec.H))
            self.sums = zeros((parts, spec.kt * spec.kh * spec.kw * spec.K), dtype)

    def forward(self, x: HostArray, kernel: HostArray, bias: HostArray) -> HostArray:
        claim_threads(self.workers)
        _forward(self.window, self.workers, self._repeated(x), kernel.reshape(-1), bias, self.y.reshape(-1))
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
            _backward_kernel(self.window, self.workers, flat, self._repeated(x), self.sums)
            dkernel[...] = self.sums.sum(axis=0).reshape(dkernel.shape)
            column_sums(flat, dbias)
        if not need_dx:
            return None
        if self._mirror is None:
            _backward_input(self.window, self.workers, flat, kernel.reshape(-1), self._dx.reshape(-1))
        else:
            self._flipped[...] = kernel[::-1, ::-1, ::-1]
            _forward(self._mirror, self.workers, flat, self._flipped.reshape(-1), self._no_bias, self._dx.reshape(-1))
        if self._each > 1:
            self._dx.sum(axis=-1, out=self.dx)
        return self.dx

    def _repeated(self, x: HostArray) -> HostArray:
        """x flat, each channel as often as there are channels out for it."""
        if self._x is None:
            return x.reshape(-1)
        self._x[...] = x[..., np.newaxis]
        return self._x.reshape(-1)


def _mirrored(w: Window) -> Window:
    """The window of stride 1 through which, with the kernel flipped, dx sees dy."""
    return w._replace(
        T=w.T_out, H=w.H_out, W=w.W_out, T_out=w.T, H_out=w.H, W_out=w.W,
        before_t=(w.kt - 1) * w.dilation_t - w.before_t,
        before_h=(w.kh - 1) * w.dilation_h - w.before_h,
        before_w=(w.kw - 1) * w.dilation_w - w.before_w,
    )  # fmt: skip
