"""Conv3D over time-major movies: a sum over the kernel's frames of 2-D convolutions.

    (1)  y_t = bias + sum over d of conv( x_{t + d - before}, kernel[d] )       frames outside 0 .. T-1 are zero

`before` is (kt-1)//2 with padding 'same' and kt-1 with 'causal' (then no output sees a later frame).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from kernels.reference.conv2d import conv2d, conv2d_backward_input, conv2d_backward_kernel
from kernels.specs import Conv3DSpec

Array = np.ndarray[Any, Any]


def _overlaps(spec: Conv3DSpec) -> Iterator[tuple[int, slice, slice]]:
    """For each kernel frame d: the output frames that see a real input frame through it, and those input frames."""
    for d in range(spec.kt):
        offset = d - spec.frames_before  # y_t sees x_{t + offset}
        first, last = max(0, -offset), min(spec.T, spec.T - offset)
        if first < last:
            yield d, slice(first, last), slice(first + offset, last + offset)


def conv3d_forward(spec: Conv3DSpec, x: Array, kernel: Array, bias: Array) -> Array:
    """x (T,B,H,W,C), kernel (kt,kh,kw,C,K), bias (K) -> y (T,B,H,W,K)."""
    y = np.zeros((*x.shape[:-1], spec.K), x.dtype) + bias
    for d, outputs, inputs in _overlaps(spec):
        y[outputs] += conv2d(x[inputs], kernel[d])  # (1)
    return y


def conv3d_backward(spec: Conv3DSpec, dy: Array, x: Array, kernel: Array) -> tuple[Array, Array, Array]:
    """dy (T,B,H,W,K) -> dx, dkernel, dbias."""
    dx = np.zeros_like(x)
    dkernel = np.zeros_like(kernel)
    for d, outputs, inputs in _overlaps(spec):
        dx[inputs] += conv2d_backward_input(dy[outputs], kernel[d])  # (1) with respect to x
        dkernel[d] = conv2d_backward_kernel(x[inputs], dy[outputs], spec.kh, spec.kw)  # (1) with respect to kernel
    return dx, dkernel, dy.sum(axis=(0, 1, 2, 3))
