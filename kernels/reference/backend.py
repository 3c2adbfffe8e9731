"""The reference back end: the operation table in NumPy, any dtype, written to be read and to be the oracle."""

from functools import partial
from typing import Any

import numpy as np

from kernels.activations import Activation
from kernels.host import HostBackend
from kernels.losses import LossSpec
from kernels.reference import batch_norm, conv3d, conv_lstm, elementwise, losses, lstm_cell, optimizers
from kernels.specs import BatchNormSpec, ClipSpec, Conv3DSpec, ConvLSTMSpec
from kernels.updates import ClipOperation, UpdateSpec

Array = np.ndarray[Any, Any]


class ReferenceBackend(HostBackend):
    """NumPy on the host. Allocates as it goes: clarity first.

    Args:
        dtype: float32 (default) or float64.
    """

    name = "reference"

    def __init__(self, dtype: Any = np.float32) -> None:
        self.dtype = np.dtype(dtype)
        self.description = f"reference: NumPy, {self.dtype.name}"

    def gather_batch(self, movies: Array, rows: Array, batch: Array) -> None:
        batch[...] = movies[rows].swapaxes(0, 1)

    def conv_lstm_plan(self, spec: ConvLSTMSpec) -> conv_lstm.ConvLSTMPlan:
        return conv_lstm.conv_lstm_plan(spec, self.dtype)

    def conv_lstm_forward(
        self,
        plan: conv_lstm.ConvLSTMPlan,
        x: Array,
        kernel: Array,
        recurrent_kernel: Array,
        bias: Array,
        h0: Array | None = None,
        c0: Array | None = None,
    ) -> tuple[Array, Array]:
        return conv_lstm.conv_lstm_forward(plan, x, kernel, recurrent_kernel, bias, h0, c0)

    def conv_lstm_backward(
        self,
        plan: conv_lstm.ConvLSTMPlan,
        dh: Array,
        x: Array,
        kernel: Array,
        recurrent_kernel: Array,
        dkernel: Array,
        drecurrent_kernel: Array,
        dbias: Array,
        h0: Array | None = None,
        c0: Array | None = None,
        need_dx: bool = True,
        need_dstate: bool = True,
    ) -> tuple[Array | None, Array | None, Array | None]:
        dx, dkernel[...], drecurrent_kernel[...], dbias[...], dh0, dc0 = conv_lstm.conv_lstm_backward(
            plan, dh, x, kernel, recurrent_kernel, h0, c0
        )
        return (dx if need_dx else None), *((dh0, dc0) if need_dstate else (None, None))

    def conv_lstm_step(
        self,
        plan: conv_lstm.ConvLSTMPlan,
        x: Array,
        h: Array | None,
        c: Array | None,
        kernel: Array,
        recurrent_kernel: Array,
        bias: Array,
        same_weights: bool = False,
    ) -> tuple[Array, Array]:
        h_all, c_last = conv_lstm.conv_lstm_forward(plan, x[np.newaxis], kernel, recurrent_kernel, bias, h, c)
        return h_all[0].copy(), c_last.copy()

    def batch_norm_plan(self, spec: BatchNormSpec, source: Any = None) -> batch_norm.BatchNormPlan:
        return batch_norm.BatchNormPlan(spec, self.zeros((spec.C,)), self.zeros((spec.C,)))

    def batch_norm_forward(
        self,
        plan: batch_norm.BatchNormPlan,
        x: Array,
        gamma: Array,
        beta: Array,
        moving_mean: Array,
        moving_variance: Array,
        momentum: float,
    ) -> Array:
        return batch_norm.batch_norm_forward(plan, x, gamma, beta, moving_mean, moving_variance, momentum)

    def batch_norm_backward(
        self, plan: batch_norm.BatchNormPlan, dy: Array, x: Array, gamma: Array, dgamma: Array, dbeta: Array
    ) -> Array:
        dx, dgamma[...], dbeta[...] = batch_norm.batch_norm_backward(plan, dy, x, gamma)
        return dx

    def batch_norm_inference(
        self,
        plan: batch_norm.BatchNormPlan,
        x: Array,
        gamma: Array,
        beta: Array,
        moving_mean: Array,
        moving_variance: Array,
    ) -> Array:
        return batch_norm.batch_norm_inference(plan.spec.epsilon, x, gamma, beta, moving_mean, moving_variance)

    def conv3d_plan(self, spec: Conv3DSpec) -> Conv3DSpec:
        return spec

    def conv3d_forward(self, plan: Conv3DSpec, x: Array, kernel: Array, bias: Array) -> Array:
        return conv3d.conv3d_forward(plan, x, kernel, bias)

    def conv3d_backward(
        self,
        plan: Conv3DSpec,
        dy: Array,
        x: Array,
        kernel: Array,
        dkernel: Array | None,
        dbias: Array | None,
        need_dx: bool = True,
    ) -> Array | None:
        if dkernel is not None and dbias is not None:
            dkernel[...] = conv3d.conv3d_backward_kernel(plan, dy, x)
            dbias[...] = dy.sum(axis=(0, 1, 2, 3))
        return conv3d.conv3d_backward_input(plan, dy, kernel) if need_dx else None

    def lstm_cell_forward(
        self,
        activation: Activation,
        recurrent_activation: Activation,
        z_input: Array,
        z_recurrent: Array,
        c_prev: Array,
        gates: Array,
        c: Array,
        h: Array,
    ) -> None:
        lstm_cell.lstm_cell_forward(activation, recurrent_activation, z_input, z_recurrent, c_prev, gates, c, h)

    def lstm_cell_backward(
        self,
        activation: Activation,
        recurrent_activation: Activation,
        dh: Array,
        dh_next: Array,
        dc: Array,
        gates: Array,
        c: Array,
        c_prev: Array,
        dz: Array,
    ) -> None:
        lstm_cell.lstm_cell_backward(activation, recurrent_activation, dh, dh_next, dc, gates, c, c_prev, dz)

    def activation(self, activation: Activation) -> elementwise.ActivationOperation:
        return elementwise.ActivationOperation(activation)

    def loss(self, spec: LossSpec) -> losses.LossOperation:
        return losses.LossOperation(spec)

    def update(self, spec: UpdateSpec) -> optimizers.UpdateOperation:
        return optimizers.UpdateOperation(spec)

    def decay_weights(self, weights: Array, decayed: Array, rate: Array) -> None:
        optimizers.decay_weights(weights, decayed, rate)

    def clip(self, spec: ClipSpec) -> ClipOperation:
        return partial(optimizers.clip_gradients, spec)
