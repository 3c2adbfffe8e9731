"""The ConvLSTM recurrence and its backpropagation through time, in the notation of docs/backward.md.

Forward, for t = 0 .. T-1 (Shi et al. 2015 without peepholes, as Keras has it):

    (1)  z   = conv(x_t, kernel) + conv(h_prev, recurrent_kernel) + bias       (B,H,W,4F), blocks i, f, g, o
    (2)  i   = sigma(z_i),  f = sigma(z_f),  o = sigma(z_o)                     (B,H,W,F)
    (3)  g   = tanh(z_g)
    (4)  c_t = f * c_prev + i * g
    (5)  h_t = o * tanh(c_t)

Backward runs from t = T-1 to 0 and carries two gradients from step t+1 to t: dh_next, through the recurrent
convolution in (1), and dc_next, through the product f * c_prev in (4).
"""

from typing import Any

import numpy as np

from kernels.activations import HARD_SIGMOID_SLOPE, Activation
from kernels.arrays import HostArray
from kernels.operations import ConvLSTM
from kernels.reference.conv2d import conv2d, conv2d_backward_input, conv2d_backward_kernel
from kernels.specs import ConvLSTMSpec


def gate(activation: Activation, z: HostArray) -> HostArray:
    """sigma(z), elementwise."""
    if activation == "sigmoid":
        return 0.5 * np.tanh(0.5 * z) + 0.5  # equal to 1/(1+exp(-z)) and cannot overflow
    return np.clip(HARD_SIGMOID_SLOPE[activation] * z + 0.5, 0.0, 1.0)


def gate_derivative(activation: Activation, a: HostArray) -> HostArray:
    """sigma'(z) in terms of the output a = sigma(z)."""
    if activation == "sigmoid":
        return a * (1.0 - a)
    return np.where((a > 0.0) & (a < 1.0), HARD_SIGMOID_SLOPE[activation], 0.0).astype(a.dtype)


class ReferenceConvLSTM(ConvLSTM[HostArray]):
    """Keeps for backward the gate activations and both states of every step."""

    def __init__(self, spec: ConvLSTMSpec, dtype: np.dtype[Any]) -> None:
        shape = (spec.T, spec.B, spec.H, spec.W, spec.F)
        self.spec = spec
        self.i, self.f, self.g, self.o, self.c, self.h = (np.empty(shape, dtype) for _ in range(6))

    def forward(
        self,
        x: HostArray,
        kernel: HostArray,
        recurrent_kernel: HostArray,
        bias: HostArray,
        h0: HostArray | None = None,
        c0: HostArray | None = None,
    ) -> tuple[HostArray, HostArray]:
        sigma = self.spec.recurrent_activation
        h_prev = np.zeros_like(self.h[0]) if h0 is None else h0
        c_prev = np.zeros_like(self.c[0]) if c0 is None else c0
        for t in range(self.spec.T):
            z = conv2d(x[t], kernel) + conv2d(h_prev, recurrent_kernel) + bias  # (1)
            z_i, z_f, z_g, z_o = np.split(z, 4, axis=-1)
            self.i[t], self.f[t], self.o[t] = gate(sigma, z_i), gate(sigma, z_f), gate(sigma, z_o)  # (2)
            self.g[t] = np.tanh(z_g)  # (3)
            self.c[t] = self.f[t] * c_prev + self.i[t] * self.g[t]  # (4)
            self.h[t] = self.o[t] * np.tanh(self.c[t])  # (5)
            h_prev, c_prev = self.h[t], self.c[t]
        return self.h, self.c[-1]

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
        spec, sigma = self.spec, self.spec.recurrent_activation
        h_init = np.zeros_like(self.h[0]) if h0 is None else h0
        c_init = np.zeros_like(self.c[0]) if c0 is None else c0
        dz = np.empty((*self.h.shape[:-1], 4 * spec.F), self.h.dtype)  # (T,B,H,W,4F)
        dh_next = np.zeros_like(self.h[0])
        dc_next = np.zeros_like(self.c[0]) if dc_last is None else dc_last
        for t in reversed(range(spec.T)):
            i, f, g, o = self.i[t], self.f[t], self.g[t], self.o[t]
            c_prev = self.c[t - 1] if t > 0 else c_init
            tanh_c = np.tanh(self.c[t])

            dh_t = dh[t] + dh_next
            do = dh_t * tanh_c  # (5)
            dc = dc_next + dh_t * o * (1.0 - tanh_c**2)  # (5)
            di, df, dg = dc * g, dc * c_prev, dc * i  # (4)
            dc_next = dc * f  # (4)
            dz[t] = np.concatenate(
                [
                    di * gate_derivative(sigma, i),  # (2)
                    df * gate_derivative(sigma, f),  # (2)
                    dg * (1.0 - g**2),  # (3)
                    do * gate_derivative(sigma, o),  # (2)
                ],
                axis=-1,
            )
            dh_next = conv2d_backward_input(dz[t], recurrent_kernel)  # (1)

        h_prev = np.concatenate([h_init[np.newaxis], self.h[:-1]])  # (T,B,H,W,F): what step t saw
        dx = conv2d_backward_input(dz, kernel) if need_dx else None  # (1), all frames at once, as are the rest
        dkernel[...] = conv2d_backward_kernel(x, dz, spec.kh, spec.kw)
        drecurrent_kernel[...] = conv2d_backward_kernel(h_prev, dz, spec.kh, spec.kw)
        dbias[...] = dz.sum(axis=(0, 1, 2, 3))
        return dx, *((dh_next, dc_next) if need_dstate else (None, None))

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
        h_all, c_last = self.forward(x[np.newaxis], kernel, recurrent_kernel, bias, h, c)
        return h_all[0].copy(), c_last.copy()
