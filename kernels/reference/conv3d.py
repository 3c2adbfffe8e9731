"""Conv3D over time-major movies: a sum over the kernel's taps of matrix products over all pixels that see them.

    (1)  y[p] = bias + sum over taps k of  x[p * stride + k * dilation - before] @ kernel[k]        outside x: zero

p and k count frames, rows and columns; with groups, each group of channels has a product of its own.
"""

from collections.abc import Iterator

import numpy as np

from kernels.arrays import HostArray
from kernels.operations import Conv3D
from kernels.specs import Conv3DSpec

Region = tuple[slice, slice, slice, slice]
"""Frames, movies, rows and columns of a movie array."""


def _taps(spec: Conv3DSpec) -> Iterator[tuple[tuple[int, int, int], Region, Region]]:
    """For each tap: the outputs that see an input through it, and those inputs."""
    for tap in np.ndindex(spec.kt, spec.kh, spec.kw):
        regions = []
        for axis, (n, outputs) in enumerate(zip((spec.T, spec.H, spec.W), spec.output_size, strict=True)):
            stride, offset = spec.strides[axis], tap[axis] * spec.dilation[axis] - spec.before[axis]
            first, last = max(0, -(offset // stride)), min(outputs - 1, (n - 1 - offset) // stride)
            if first > last:
                break
            start = first * stride + offset
            regions.append((slice(first, last + 1), slice(start, start + (last - first) * stride + 1, stride)))
        else:
            (t_out, t_in), (y_out, y_in), (x_out, x_in) = regions
            yield tap, (t_out, slice(None), y_out, x_out), (t_in, slice(None), y_in, x_in)


def _groups(spec: Conv3DSpec) -> list[tuple[slice, slice]]:
    """The input and the output channels of each group."""
    inner, outer = spec.C // spec.groups, spec.K // spec.groups
    return [(slice(g * inner, (g + 1) * inner), slice(g * outer, (g + 1) * outer)) for g in range(spec.groups)]


class ReferenceConv3D(Conv3D[HostArray]):
    """Keeps nothing."""

    def __init__(self, spec: Conv3DSpec) -> None:
        self.spec = spec

    def forward(self, x: HostArray, kernel: HostArray, bias: HostArray) -> HostArray:
        y = np.zeros(self.spec.y_shape, x.dtype) + bias
        for tap, outputs, inputs in _taps(self.spec):
            for inner, outer in _groups(self.spec):
                y[(*outputs, outer)] += x[(*inputs, inner)] @ kernel[tap][:, outer]  # (1)
        return y

    def backward(
        self,
        dy: HostArray,
        x: HostArray,
        kernel: HostArray,
        dkernel: HostArray | None,
        dbias: HostArray | None,
        need_dx: bool = True,
    ) -> HostArray | None:
        if dkernel is not None and dbias is not None:
            self._backward_kernel(dy, x, dkernel)
            dbias[...] = dy.sum(axis=(0, 1, 2, 3))
        return self._backward_input(dy, kernel) if need_dx else None

    def _backward_input(self, dy: HostArray, kernel: HostArray) -> HostArray:
        dx = np.zeros(self.spec.x_shape, dy.dtype)
        for tap, outputs, inputs in _taps(self.spec):
            for inner, outer in _groups(self.spec):
                dx[(*inputs, inner)] += dy[(*outputs, outer)] @ kernel[tap][:, outer].T  # (1) with respect to x
        return dx

    def _backward_kernel(self, dy: HostArray, x: HostArray, dkernel: HostArray) -> None:
        dkernel[...] = 0.0
        for tap, outputs, inputs in _taps(self.spec):
            for inner, outer in _groups(self.spec):
                seen, slope = x[(*inputs, inner)], dy[(*outputs, outer)]
                product = seen.reshape(-1, seen.shape[-1]).T @ slope.reshape(-1, slope.shape[-1])
                dkernel[tap][:, outer] = product  # (1) with respect to kernel
