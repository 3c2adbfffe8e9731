"""A ConvLSTM layer bound to its shapes: the buffers, and the loop over time (conv_lstm_steps.py has the steps)."""

from typing import Any

import numpy as np

from kernels.arrays import HostArray
from kernels.cpu.compile.jit import claim_threads
from kernels.cpu.compile.memory import zeros
from kernels.cpu.compile.vector import lanes_of
from kernels.cpu.layers.conv_lstm_steps import backward_images, cell_backward_step, forward_steps
from kernels.cpu.pointwise.nonlinearities import gate_of
from kernels.cpu.products.convolution import Kernels, convolve_frames, workspace
from kernels.cpu.products.geometry import Geometry, geometry
from kernels.cpu.products.sums import sum_rows
from kernels.cpu.products.weight_gradient import WeightGradient
from kernels.operations import ConvLSTM
from kernels.specs import ConvLSTMSpec

_MANY = 4
"""Images a worker from which on waiting costs more than that one worker has an image more than another."""


def _share_evenly(items: int, workers: int) -> bool:
    return items % workers == 0 or items // workers >= _MANY


class CpuConvLSTM(ConvLSTM[HostArray]):
    """Runs each step as one product over C + F channels, with the cell fused into it."""

    def __init__(self, spec: ConvLSTMSpec, dtype: np.dtype[Any], workers: int, transform: bool) -> None:
        self.spec, self.workers = spec, workers
        T, B, H, W, C, F = spec.T, spec.B, spec.H, spec.W, spec.C, spec.F
        lanes = lanes_of(dtype.itemsize)
        self.sigma, self.slope = gate_of(spec.recurrent_activation)

        def cut(depth: int, columns: int) -> Geometry:
            return geometry(B, workers, H, W, spec.kh, spec.kw, depth, columns, lanes, transform)

        forward = cut(C + F, 4 * F)
        self.forward_kernels = Kernels(forward, dtype)
        frames = (T if spec.training else 1, B, H, W, F)
        self._gates = zeros((T, B * H * W * 4 * F) if spec.training else (1, 1), dtype)
        self.h = zeros((T, B, H, W, F), dtype)
        self.c = zeros(frames, dtype)
        self.zero_state = zeros(B * H * W * F, dtype)
        geometries = [forward]
        if spec.training:
            backward = {True: cut(4 * F, F + C), False: cut(4 * F, F)}
            self.backward_kernels = {need_dx: Kernels(g, dtype) for need_dx, g in backward.items()}
            geometries += backward.values()
            self.no_bias = zeros(F + C, dtype)
            self.dx = zeros((T, B, H, W, C), dtype)
            self.dh0, self.dc0 = zeros((B, H, W, F), dtype), zeros((B, H, W, F), dtype)
            self._dz = zeros((workers, H * W * 4 * F), dtype)
            self._dbias_of_row = zeros((B * H, 4 * F), dtype)
            self._weight_gradient = WeightGradient(forward, B, workers, dtype)
        sizes = (self._weight_gradient.a_size, self._weight_gradient.d_size) if spec.training else (0, 0)
        self.work = workspace(workers, geometries, lanes, dtype, *sizes)
        if T == 1:
            self._states = [(self.h, self.c), (zeros(self.h.shape, dtype), zeros(self.c.shape, dtype))]

    def forward(
        self,
        x: HostArray,
        kernel: HostArray,
        recurrent_kernel: HostArray,
        bias: HostArray,
        h0: HostArray | None = None,
        c0: HostArray | None = None,
    ) -> tuple[HostArray, HostArray]:
        claim_threads(self.workers)
        self._pack(kernel, recurrent_kernel)
        return self._run(x, bias, h0, c0, self.h, self.c)

    def backward(
        self,
        dh: HostArray,
        x: HostArray,
        kernel: HostArray,
        recurrent_kernel: HostArray,
        dkernel: HostArray,
        drecurrent_kernel: HostArray,
        dbias: HostArray,
        h0: HostArray | None = None,
        c0: HostArray | None = None,
        need_dx: bool = True,
        need_dstate: bool = True,
        dc_last: HostArray | None = None,
    ) -> tuple[HostArray | None, HostArray | None, HostArray | None]:
        claim_threads(self.workers)
        spec, forward = self.spec, self.forward_kernels
        kernels = self.backward_kernels[need_dx]
        F, C = spec.F, spec.C
        parts = [(0, 0, recurrent_kernel[::-1, ::-1].swapaxes(2, 3)), (0, F, kernel[::-1, ::-1].swapaxes(2, 3))]
        kernels.pack(parts if need_dx else parts[:1])
        self._dbias_of_row[:] = 0.0
        self._weight_gradient.clear()
        self.dc0[...] = 0.0 if dc_last is None else dc_last
        first_h = self.zero_state if h0 is None else h0.reshape(-1)
        first_c = self.zero_state if c0 is None else c0.reshape(-1)
        no_bias = self.no_bias[: F + C if need_dx else F]
        dh_carried, dc_carried = self.dh0.reshape(-1), self.dc0.reshape(-1)
        if _share_evenly(min(spec.B, len(self._weight_gradient.sums)), self.workers):
            gradient = self._weight_gradient
            backward_images(
                kernels.geometry, forward.geometry, gradient.block, self.workers, spec.T, spec.B, C, F,
                self.sigma, self.slope, dh.reshape(-1), x.reshape(-1), self.h.reshape(-1), first_h,
                self.c.reshape(-1), first_c, self._gates.reshape(-1), self.zero_state, self._dz, dh_carried, dc_carried,
                self._dbias_of_row.reshape(-1), kernels.packed, no_bias, need_dx or need_dstate, self.dx.reshape(-1),
                gradient.sums, self.work,
            )  # fmt: skip
        else:
            for t in reversed(range(spec.T)):
                h_prev, c_prev = (self.h[t - 1].reshape(-1), self.c[t - 1].reshape(-1)) if t else (first_h, first_c)
                dz = self._gates[t]
                cell_backward_step(
                    forward.geometry, self.workers, spec.B, F, self.sigma, self.slope,
                    dh[t].reshape(-1), dh_carried if t < spec.T - 1 else self.zero_state, dc_carried,
                    self.c[t].reshape(-1), c_prev, dz, self._dbias_of_row.reshape(-1),
                )  # fmt: skip
                if t > 0 or need_dx or need_dstate:
                    convolve_frames(
                        kernels.geometry, self.workers, 1, spec.B, 1, 0, 1, dz, 4 * F, self.zero_state, kernels.packed,
                        no_bias, dh_carried, F, self.dx[t].reshape(-1), self.work,
                    )  # fmt: skip
                self._weight_gradient.add(x[t].reshape(-1), h_prev, [(0, 0, C), (1, 0, F)], dz, 4 * F, self.work)
        dkernels = self._weight_gradient.kernels()
        dkernel[...] = dkernels[:, :, :C, : 4 * F]
        drecurrent_kernel[...] = dkernels[:, :, C:, : 4 * F]
        sum_rows(self._dbias_of_row, dbias)
        return (self.dx if need_dx else None), *((self.dh0, self.dc0) if need_dstate else (None, None))

    def step(
        self,
        x: HostArray,
        h: HostArray | None,
        c: HostArray | None,
        kernel: HostArray,
        recurrent_kernel: HostArray,
        bias: HostArray,
        same_weights: bool = False,
    ) -> tuple[HostArray, HostArray]:
        claim_threads(self.workers)
        if not same_weights:
            self._pack(kernel, recurrent_kernel)
        given_first = h is not None and np.shares_memory(h, self._states[0][0])
        next_h, next_c = self._run(x[np.newaxis], bias, h, c, *self._states[1 if given_first else 0])
        return next_h[0], next_c

    def _pack(self, kernel: HostArray, recurrent_kernel: HostArray) -> None:
        self.forward_kernels.pack([(0, 0, kernel), (self.spec.C, 0, recurrent_kernel)])

    def _run(
        self, x: HostArray, bias: HostArray, h0: HostArray | None, c0: HostArray | None, h: HostArray, c: HostArray
    ) -> tuple[HostArray, HostArray]:
        """All steps with the packed weights; the states go to h (T,B,H,W,F) and c."""
        spec, kernels = self.spec, self.forward_kernels
        first_h = self.zero_state if h0 is None else h0.reshape(-1)
        first_c = self.zero_state if c0 is None else c0.reshape(-1)
        whole_images = _share_evenly(spec.B, self.workers)
        steps = spec.T if whole_images else 1
        for t in range(0, spec.T, steps):
            forward_steps(
                kernels.geometry, self.workers, whole_images, t, t + steps, spec.B, spec.C, spec.F, h0 is None,
                self.sigma, self.slope, x.reshape(-1), first_h, first_c, kernels.packed, bias,
                spec.training, self._gates.reshape(-1), c.reshape(-1), h.reshape(-1), self.work,
            )  # fmt: skip
        return h, c[-1]
