"""The CPU back end: the operation table on SIMD kernels that Numba compiles for this machine."""

from typing import Any, Literal

import numba
import numpy as np

from kernels.activations import Activation
from kernels.cpu.compile.vector import instruction_set
from kernels.cpu.layers import lstm_cell
from kernels.cpu.layers.batch_norm import BatchNormPlan
from kernels.cpu.layers.conv3d import Conv3DPlan
from kernels.cpu.layers.conv3d_direct import DirectConv3DPlan
from kernels.cpu.layers.conv_lstm import ConvLSTMPlan
from kernels.cpu.pointwise import elementwise, losses, optimizers
from kernels.host import HostBackend
from kernels.losses import LossSpec
from kernels.specs import BatchNormSpec, ClipSpec, Conv3DSpec, ConvLSTMSpec
from kernels.updates import UpdateSpec

Array = np.ndarray[Any, Any]


class CpuBackend(HostBackend):
    """NumPy arrays on the host, kernels in Numba.

    Args:
        dtype: float32 (default) or float64.
        threads: how many to use; None is all that Numba has. Results do not depend on it, bit for bit.
        convolution: "auto" (default) uses Winograd's transforms for kernel sizes 1, 3 and 5 and the direct way for
            others, "direct" uses no transform.

    Raises ValueError for another dtype, thread count or convolution.
    """

    name = "cpu"

    def __init__(
        self,
        dtype: Any = np.float32,
        threads: int | None = None,
        convolution: Literal["auto", "direct"] = "auto",
    ) -> None:
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
            raise ValueError(f"dtype: expected float32 or float64, got {self.dtype.name}")
        config: Any = numba.config
        available = config.NUMBA_NUM_THREADS
        self.threads = available if threads is None else threads
        if not 1 <= self.threads <= available:
            raise ValueError(f"threads: expected 1 to {available} (NUMBA_NUM_THREADS), got {threads!r}")
        if convolution not in {"auto", "direct"}:
            raise ValueError(f"convolution: expected 'auto' or 'direct', got {convolution!r}")
        self._transform = convolution == "auto"
        count = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        self.description = f"cpu: Numba, {self.dtype.name}, {instruction_set()}, {count}"

    # ---------------------------------------------------------------- arrays

    def gather_batch(self, movies: Array, rows: Array, batch: Array) -> None:
        for b, row in enumerate(rows):
            batch[:, b] = movies[row]

    def _claim_threads(self) -> None:
        numba.set_num_threads(self.threads)

    # ---------------------------------------------------------------- ConvLSTM

    def conv_lstm_plan(self, spec: ConvLSTMSpec) -> ConvLSTMPlan:
        return ConvLSTMPlan(spec, self.dtype, self.threads, self._transform)

    def conv_lstm_forward(
        self,
        plan: ConvLSTMPlan,
        x: Array,
        kernel: Array,
        recurrent_kernel: Array,
        bias: Array,
        h0: Array | None = None,
        c0: Array | None = None,
    ) -> tuple[Array, Array]:
        self._claim_threads()
        return plan.forward(x, kernel, recurrent_kernel, bias, h0, c0)

    def conv_lstm_backward(
        self,
        plan: ConvLSTMPlan,
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
        self._claim_threads()
        return plan.backward(
            dh, x, kernel, recurrent_kernel, dkernel, drecurrent_kernel, dbias, h0, c0, need_dx, need_dstate
        )

    def conv_lstm_step(
        self,
        plan: ConvLSTMPlan,
        x: Array,
        h: Array | None,
        c: Array | None,
        kernel: Array,
        recurrent_kernel: Array,
        bias: Array,
        same_weights: bool = False,
    ) -> tuple[Array, Array]:
        self._claim_threads()
        return plan.step(x, h, c, kernel, recurrent_kernel, bias, same_weights)

    # ---------------------------------------------------------------- BatchNormalization

    def batch_norm_plan(self, spec: BatchNormSpec, source: Any = None) -> BatchNormPlan:
        return BatchNormPlan(spec, self.dtype, self.threads)

    def batch_norm_forward(
        self,
        plan: BatchNormPlan,
        x: Array,
        gamma: Array,
        beta: Array,
        moving_mean: Array,
        moving_variance: Array,
        momentum: float,
    ) -> Array:
        self._claim_threads()
        return plan.forward(x, gamma, beta, moving_mean, moving_variance, momentum)

    def batch_norm_backward(
        self, plan: BatchNormPlan, dy: Array, x: Array, gamma: Array, dgamma: Array, dbeta: Array
    ) -> Array:
        self._claim_threads()
        return plan.backward(dy, x, gamma, dgamma, dbeta)

    def batch_norm_inference(
        self, plan: BatchNormPlan, x: Array, gamma: Array, beta: Array, moving_mean: Array, moving_variance: Array
    ) -> Array:
        self._claim_threads()
        return plan.inference(x, gamma, beta, moving_mean, moving_variance)

    # ---------------------------------------------------------------- Conv3D

    def conv3d_plan(self, spec: Conv3DSpec) -> Conv3DPlan | DirectConv3DPlan:
        if spec.is_dense:
            return Conv3DPlan(spec, self.dtype, self.threads, self._transform)
        return DirectConv3DPlan(spec, self.dtype, self.threads)

    def conv3d_forward(self, plan: Conv3DPlan | DirectConv3DPlan, x: Array, kernel: Array, bias: Array) -> Array:
        self._claim_threads()
        return plan.forward(x, kernel, bias)

    def conv3d_backward(
        self,
        plan: Conv3DPlan | DirectConv3DPlan,
        dy: Array,
        x: Array,
        kernel: Array,
        dkernel: Array | None,
        dbias: Array | None,
        need_dx: bool = True,
    ) -> Array | None:
        self._claim_threads()
        return plan.backward(dy, x, kernel, dkernel, dbias, need_dx)

    # ---------------------------------------------------------------- a ConvLSTM in pieces

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
        self._claim_threads()
        codes = elementwise.code_of(activation), elementwise.code_of(recurrent_activation)
        arrays = (z_input, z_recurrent, c_prev, gates, c, h)
        lstm_cell.lstm_cell_forward(self.threads, c.shape[-1], *codes, *(array.reshape(-1) for array in arrays))

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
        self._claim_threads()
        codes = elementwise.code_of(activation), elementwise.code_of(recurrent_activation)
        arrays = (dh, dh_next, dc, gates, c, c_prev, dz)
        lstm_cell.lstm_cell_backward(self.threads, c.shape[-1], *codes, *(array.reshape(-1) for array in arrays))

    # ---------------------------------------------------------------- elementwise, losses, optimizer

    def activation(self, activation: Activation) -> elementwise.ActivationOperation:
        return elementwise.ActivationOperation(activation)

    def loss(self, spec: LossSpec) -> losses.LossOperation:
        return losses.LossOperation(spec, self.dtype)

    def update(self, spec: UpdateSpec) -> optimizers.UpdateOperation:
        return optimizers.UpdateOperation(spec, self.dtype)

    def decay_weights(self, weights: Array, decayed: Array, rate: Array) -> None:
        optimizers.decay_weights(weights, decayed, rate)

    def clip(self, spec: ClipSpec) -> optimizers.ClipOperation:
        return optimizers.ClipOperation(spec, self.dtype)
