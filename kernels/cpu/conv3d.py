"""Conv3D as 2-D convolutions over frames that stand side by side.

Forward: output frame t sees the kt frames from t - before on, one product over kt * C channels:

    (1)  y_t  = bias + conv( [x_{t-before} | ... | x_{t-before+kt-1}], kernel )         missing frames are zero

Backward: through (1), input frame s reaches the outputs s + before - d, so dy takes the place of x:

         dx_s = conv( [dy_{s+before} | ... | dy_{s+before-kt+1}], flipped kernel )    one product over kt * K channels
         dkernel: the weight gradient of that same convolution, with x_s as its "output gradient"
         dbias = sum of dy
"""

from typing import Any

import numpy as np

from kernels.cpu.convolution import Kernels, Workspace, multiply, read_inputs, share, workspace, z_row
from kernels.cpu.geometry import Geometry, geometry
from kernels.cpu.jit import parallel, prange
from kernels.cpu.sums import column_sums
from kernels.cpu.vector import lanes, lanes_of, load, load_first, store_first
from kernels.cpu.weight_gradient import WeightGradient
from kernels.specs import Conv3DSpec

Array = Any


@parallel
def _convolve_frames(
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
    work: Workspace,
) -> None:
    """y_t = bias + convolution of [x_{t+offset} | x_{t+offset+direction} | ...]: x (T,B,H,W,channels), y flat."""
    chunks = (g.H + g.chunk_rows - 1) // g.chunk_rows
    K = bias.size
    for worker in prange(workers):
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
                    read_inputs(g, zero_frame, 0, channels, d * channels, row, rows, work, worker)
            multiply(g, rows, kt * channels, b, work, worker)
            z = work.z[worker]
            for i in range(rows):
                for column in range(g.W):
                    pixel = ((t * B + image) * g.H + row + i) * g.W + column
                    source = i * z_row(g) + column * g.columns
                    for k in range(0, K, lanes(z)):
                        value = load(z, source + k) + load_first(bias, k, K - k)
                        store_first(y, pixel * K + k, value, K - k)


class Conv3DPlan:
    """Buffers of one Conv3D layer, and its two calls; see Backend for what they take and return."""

    def __init__(self, spec: Conv3DSpec, dtype: np.dtype[Any], workers: int, transform: bool) -> None:
        self.spec, self.workers = spec, workers
        T, B, H, W, C, K = spec.T, spec.B, spec.H, spec.W, spec.C, spec.K
        lanes = lanes_of(dtype.itemsize)

        def cut(depth: int, columns: int) -> Geometry:
            return geometry(T * B, H, W, spec.kh, spec.kw, depth, columns, lanes, transform)

        forward = cut(spec.kt * C, K)
        self.forward_kernels = Kernels(forward, workers, dtype)
        geometries = [forward]
        self.y = np.zeros((T, B, H, W, K), dtype)
        # Stands for the frames before the first and after the last one, of x and of dy.
        self.zero_frames = np.zeros(B * H * W * max(C, K), dtype)
        if spec.training:
            backward = cut(spec.kt * K, C)
            geometries.append(backward)
            self.backward_kernels = Kernels(backward, workers, dtype)
            self.weight_gradient = WeightGradient(backward, B, workers, dtype)
            self.dx = np.zeros((T, B, H, W, C), dtype)
            self.no_bias = np.zeros(C, dtype)
        self.work = workspace(workers, geometries, lanes, dtype)

    def forward(self, x: Array, kernel: Array, bias: Array) -> Array:
        """Backend.conv3d_forward."""
        spec, kernels = self.spec, self.forward_kernels
        for d in range(spec.kt):
            kernels.rows[:, :, d * spec.C : (d + 1) * spec.C, : spec.K] = kernel[d]
        kernels.pack()
        _convolve_frames(
            kernels.geometry, self.workers, spec.T, spec.B, spec.kt, -spec.frames_before, 1, x.reshape(-1), spec.C,
            self.zero_frames, kernels.packed, bias, self.y.reshape(-1), self.work,
        )  # fmt: skip
        return self.y

    def backward(self, dy: Array, x: Array, kernel: Array, dkernel: Array, dbias: Array, need_dx: bool) -> Array | None:
        """Backend.conv3d_backward."""
        spec, gradient = self.spec, self.weight_gradient
        gradient.clear()
        for s in range(spec.T):
            seen_by = [s + spec.frames_before - d for d in range(spec.kt)]
            outputs = [dy[t].reshape(-1) if 0 <= t < spec.T else self.zero_frames for t in seen_by]
            gradient.add([(output, spec.K) for output in outputs], x[s].reshape(-1), spec.C)
        flipped = gradient.kernels()[::-1, ::-1]
        for d in range(spec.kt):
            dkernel[d] = flipped[:, :, d * spec.K : (d + 1) * spec.K, : spec.C].swapaxes(2, 3)
        column_sums(dy.reshape(-1), self.workers, dbias)
        if not need_dx:
            return None
        kernels = self.backward_kernels
        for d in range(spec.kt):
            rows = kernels.rows[:, :, d * spec.K : (d + 1) * spec.K, : spec.C]
            rows[...] = kernel[d, ::-1, ::-1].swapaxes(2, 3)
        kernels.pack()
        _convolve_frames(
            kernels.geometry, self.workers, spec.T, spec.B, spec.kt, spec.frames_before, -1, dy.reshape(-1), spec.K,
            self.zero_frames, kernels.packed, self.no_bias, self.dx.reshape(-1), self.work,
        )  # fmt: skip
        return self.dx
