"""A 2-D convolution with zero padding 'same' (cross-correlation, as every deep-learning library means it).

    y[p] = sum over taps (i, j) of  x[p + (i, j) - (kh//2, kw//2)] @ kernel[i, j]          odd kh, kw

so every tap is one matrix product over all pixels. `x` may have any leading axes: (..., H, W, C).
"""

from collections.abc import Iterator

import numpy as np

from kernels.arrays import HostArray


def _pad(x: HostArray, kh: int, kw: int) -> HostArray:
    """x (...,H,W,C) with a border of zeros: (..., H + kh - 1, W + kw - 1, C)."""
    margins = [(0, 0)] * (x.ndim - 3) + [(kh // 2, kh // 2), (kw // 2, kw // 2), (0, 0)]
    return np.pad(x, margins)


def _taps(padded: HostArray, kh: int, kw: int) -> Iterator[tuple[int, int, HostArray]]:
    """For each tap (i, j) the view of the padded image that this tap sees, (...,H,W,C)."""
    height, width = padded.shape[-3] - kh + 1, padded.shape[-2] - kw + 1
    for i in range(kh):
        for j in range(kw):
            yield i, j, padded[..., i : i + height, j : j + width, :]


def conv2d(x: HostArray, kernel: HostArray) -> HostArray:
    """x (...,H,W,C), kernel (kh,kw,C,K) -> y (...,H,W,K)."""
    kh, kw, _, filters = kernel.shape
    y = np.zeros((*x.shape[:-1], filters), x.dtype)
    for i, j, seen in _taps(_pad(x, kh, kw), kh, kw):
        y += seen @ kernel[i, j]  # (1)
    return y


def conv2d_backward_input(dy: HostArray, kernel: HostArray) -> HostArray:
    """dy (...,H,W,K), kernel (kh,kw,C,K) -> dx (...,H,W,C)."""
    kh, kw, channels, _ = kernel.shape
    dpadded = _pad(np.zeros((*dy.shape[:-1], channels), dy.dtype), kh, kw)
    for i, j, dseen in _taps(dpadded, kh, kw):
        np.add(dseen, dy @ kernel[i, j].T, out=dseen)  # (1) with respect to x
    height, width = dy.shape[-3], dy.shape[-2]
    return np.ascontiguousarray(dpadded[..., kh // 2 : kh // 2 + height, kw // 2 : kw // 2 + width, :])


def conv2d_backward_kernel(x: HostArray, dy: HostArray, kh: int, kw: int) -> HostArray:
    """x (...,H,W,C), dy (...,H,W,K) -> dkernel (kh,kw,C,K), summed over all leading axes."""
    channels, filters = x.shape[-1], dy.shape[-1]
    dkernel = np.empty((kh, kw, channels, filters), x.dtype)
    for i, j, seen in _taps(_pad(x, kh, kw), kh, kw):
        dkernel[i, j] = seen.reshape(-1, channels).T @ dy.reshape(-1, filters)  # (1) with respect to kernel
    return dkernel
