"""A convolution's input laid out for a matrix product, and back: any window, strides, dilation and groups.

    unfold     a[p, (tap, c)] = x[p * stride + tap * dilation - before][c]       outside x: zero
    fold       dx[p * stride + tap * dilation - before][c] += a[p, (tap, c)]     its transpose

p counts output pixels, through all frames, movies, rows and columns; c the channels of one group.
"""

from typing import NamedTuple

from kernels.arrays import Array
from kernels.cpu.compile.inlining import not_inlined
from kernels.cpu.compile.jit import jit
from kernels.cpu.compile.vector import lanes, load_first, store_first
from kernels.cpu.products.runs import copy_run, zero_run
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

    @property
    def depth(self) -> int:
        """Numbers that an output pixel sees in one group."""
        return self.kt * self.kh * self.kw * self.inner

    @property
    def pixels(self) -> int:
        """Output pixels."""
        return self.T_out * self.B * self.H_out * self.W_out


def window_of(spec: Conv3DSpec) -> Window:
    """The window of a convolution."""
    return Window(
        spec.B, spec.T, spec.H, spec.W, *spec.output_size, spec.kt, spec.kh, spec.kw, *spec.strides, *spec.dilation,
        *spec.before, spec.groups, spec.C // spec.groups, spec.K // spec.groups,
    )  # fmt: skip


@jit
def _add_run(source: Array, source_start: int, target: Array, target_start: int, count: int) -> None:
    """target[target_start : +count] += source[source_start : +count]."""
    for i in range(0, count, lanes(target)):
        total = load_first(target, target_start + i, count - i) + load_first(source, source_start + i, count - i)
        store_first(target, target_start + i, total, count - i)


@jit
def unfold(w: Window, group: int, first: int, end: int, x: Array, a: Array, depth: int) -> None:
    """Write the rows of a for pixels first to end, from a[0] on; x flat, depth numbers a row."""
    not_inlined()
    C = w.groups * w.inner
    line = w.kw * w.inner
    joined = w.dilation_w == 1 and w.groups == 1
    p = first
    while p < end:
        row, u0 = p // w.W_out, p % w.W_out
        u1 = min(w.W_out, u0 + end - p)
        image, v = row // w.H_out, row % w.H_out
        t, b = image // w.B, image % w.B
        for d in range(w.kt):
            tx = t * w.stride_t + d * w.dilation_t - w.before_t
            for i in range(w.kh):
                vx = v * w.stride_h + i * w.dilation_h - w.before_h
                inside = 0 <= tx < w.T and 0 <= vx < w.H
                start = ((tx * w.B + b) * w.H + vx) * w.W
                for u in range(u0, u1):
                    ux = u * w.stride_w - w.before_w
                    target = (p + u - u0 - first) * depth + (d * w.kh + i) * line
                    if not inside:
                        zero_run(a, target, line)
                    elif joined and ux >= 0 and ux + w.kw <= w.W:
                        copy_run(x, (start + ux) * C, a, target, line)
                    else:
                        for j in range(w.kw):
                            at = ux + j * w.dilation_w
                            if 0 <= at < w.W:
                                copy_run(x, (start + at) * C + group * w.inner, a, target + j * w.inner, w.inner)
                            else:
                                zero_run(a, target + j * w.inner, w.inner)
        p += u1 - u0


@jit
def fold(w: Window, group: int, first: int, end: int, a: Array, depth: int, dx: Array) -> None:
    """Add the rows of a, those of pixels first to end, to what they were laid out from; flat, depth numbers a row."""
    not_inlined()
    C = w.groups * w.inner
    line = w.kw * w.inner
    joined = w.dilation_w == 1 and w.groups == 1
    p = first
    while p < end:
        row, u0 = p // w.W_out, p % w.W_out
        u1 = min(w.W_out, u0 + end - p)
        image, v = row // w.H_out, row % w.H_out
        t, b = image // w.B, image % w.B
        for d in range(w.kt):
            tx = t * w.stride_t + d * w.dilation_t - w.before_t
            for i in range(w.kh):
                vx = v * w.stride_h + i * w.dilation_h - w.before_h
                if not (0 <= tx < w.T and 0 <= vx < w.H):
                    continue
                start = ((tx * w.B + b) * w.H + vx) * w.W
                for u in range(u0, u1):
                    ux = u * w.stride_w - w.before_w
                    source = (p + u - u0 - first) * depth + (d * w.kh + i) * line
                    if joined and ux >= 0 and ux + w.kw <= w.W:
                        _add_run(a, source, dx, (start + ux) * C, line)
                    else:
                        for j in range(w.kw):
                            at = ux + j * w.dilation_w
                            if 0 <= at < w.W:
                                _add_run(a, source + j * w.inner, dx, (start + at) * C + group * w.inner, w.inner)
        p += u1 - u0
