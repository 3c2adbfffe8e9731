"""Conv3D as 2-D convolutions.

Forward: each frame goes through all kt slices of the kernel at once, and each output sums up kt frames' results:

    (1)  [z_s^0 | ... | z_s^{kt-1}] = conv( x_s, [kernel_0 | ... | kernel_{kt-1}] )      one product with kt * K columns
    (2)  y_t  = bias + sum over d of z_{t-before+d}^d                                    missing frames are zero

Backward: through both, input frame s reaches the outputs s + before - d, whose gradients stand side by side:

         dx_s = conv( [dy_{s+before} | ... | dy_{s+before-kt+1}], flipped kernel )    one product over kt * K channels
         dkernel: the weight gradient of that same convolution, with x_s as its "output gradient"
         dbias = sum of dy
"""

from typing import Any

import numpy as np

from kernels.arrays import HostArray
from kernels.cpu.compile.jit import claim_threads
from kernels.cpu.compile.memory import zeros
from kernels.cpu.compile.vector import lanes_of
from kernels.cpu.products.convolution import Kernels, convolve_frames, workspace
from kernels.cpu.products.geometry import POINTS_AND_STEP, Geometry, geometry
from kernels.cpu.products.sums import column_sums
from kernels.cpu.products.weight_gradient import WeightGradient
from kernels.operations import Conv3D
from kernels.specs import Conv3DSpec

_LEAST_CHANNELS = 8
"""With fewer, transforms cost more than they save."""


class CpuConv3D(Conv3D[HostArray]):
    """Dense convolutions, a product over all taps in time at once."""

    def __init__(self, spec: Conv3DSpec, dtype: np.dtype[Any], workers: int, transform: bool) -> None:
        self.spec, self.workers = spec, workers
        T, B, H, W, C, K = spec.T, spec.B, spec.H, spec.W, spec.C, spec.K
        lanes = lanes_of(dtype.itemsize)

        def cut(depth: int, columns: int) -> Geometry:
            return geometry(T * B, workers, H, W, spec.kh, spec.kw, depth, columns, lanes, transform)

        forward = cut(C, spec.kt * K)
        self.forward_kernels = Kernels(forward, dtype)
        self.no_rest = zeros(0, dtype)
        geometries = [forward]
        self.z = zeros((T, B, H, W, spec.kt * K), dtype)
        self.no_bias = zeros(max(spec.kt * K, C), dtype)
        self.y = zeros((T, B, H, W, K), dtype)
        # Stands for the frames before the first and after the last one.
        self.zero_frames = zeros(B * H * W * max(C, K), dtype)
        if spec.training:
            backward = cut(spec.kt * K, C)
            geometries.append(backward)
            self.backward_kernels = Kernels(backward, dtype)
            self.weight_gradient = WeightGradient(backward, B, workers, dtype)
            self.dx = zeros((T, B, H, W, C), dtype)
        sizes = (self.weight_gradient.a_size, self.weight_gradient.d_size) if spec.training else (0, 0)
        self.work = workspace(workers, geometries, lanes, dtype, *sizes)

    def forward(self, x: HostArray, kernel: HostArray, bias: HostArray) -> HostArray:
        claim_threads(self.workers)
        spec, kernels = self.spec, self.forward_kernels
        kernels.pack([(0, d * spec.K, kernel[d]) for d in range(spec.kt)])
        columns = spec.kt * spec.K
        convolve_frames(
            kernels.geometry, self.workers, spec.T, spec.B, 1, 0, 1, x.reshape(-1), spec.C, self.zero_frames,
            kernels.packed, self.no_bias[:columns], self.z.reshape(-1), columns, self.no_rest, self.work,
        )  # fmt: skip
        self.y[...] = bias
        for d in range(spec.kt):
            offset = d - spec.frames_before
            first, end = max(0, -offset), min(spec.T, spec.T - offset)
            if first < end:
                self.y[first:end] += self.z[first + offset : end + offset, ..., d * spec.K : (d + 1) * spec.K]
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
        if dkernel is not None and dbias is not None:
            self._backward_kernel(dy, x, dkernel)
            column_sums(dy.reshape(-1), dbias)
        return self._backward_input(dy, kernel) if need_dx else None

    def _backward_kernel(self, dy: HostArray, x: HostArray, dkernel: HostArray) -> None:
        """(1) with respect to kernel."""
        spec, gradient = self.spec, self.weight_gradient
        gradient.clear()
        for s in range(spec.T):
            seen_by = [s + spec.frames_before - d for d in range(spec.kt)]
            frame = spec.B * spec.H * spec.W * spec.K
            outputs = [(0, t * frame, spec.K) if 0 <= t < spec.T else (1, 0, spec.K) for t in seen_by]
            gradient.add(dy.reshape(-1), self.zero_frames, outputs, x[s].reshape(-1), spec.C, self.work)
        flipped = gradient.kernels()[::-1, ::-1]
        for d in range(spec.kt):
            dkernel[d] = flipped[:, :, d * spec.K : (d + 1) * spec.K, : spec.C].swapaxes(2, 3)

    def _backward_input(self, dy: HostArray, kernel: HostArray) -> HostArray:
        """(1) with respect to x."""
        spec, kernels = self.spec, self.backward_kernels
        kernels.pack([(d * spec.K, 0, kernel[d, ::-1, ::-1].swapaxes(2, 3)) for d in range(spec.kt)])
        convolve_frames(
            kernels.geometry, self.workers, spec.T, spec.B, spec.kt, spec.frames_before, -1, dy.reshape(-1), spec.K,
            self.zero_frames, kernels.packed, self.no_bias[: spec.C], self.dx.reshape(-1), spec.C, self.no_rest,
            self.work,
        )  # fmt: skip
        return self.dx


def has_transform(spec: Conv3DSpec) -> bool:
    """Whether a dense convolution goes through Winograd's transforms and gains by them."""
    sizes = (spec.kh, spec.kw)
    return min(spec.C, spec.K) >= _LEAST_CHANNELS and all(size in POINTS_AND_STEP for size in sizes)
