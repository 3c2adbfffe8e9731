"""The CUDA back end: the operation table, each operation handed to the launcher of its .cu file."""

import logging
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from kernels.activations import Activation
from kernels.backend import Backend
from kernels.cuda.batch_norm.batch_norm import BatchNormPlan
from kernels.cuda.batch_norm.batch_norm_link import link
from kernels.cuda.conv3d.conv3d import Conv3DPlan
from kernels.cuda.conv3d.conv3d_direct import DirectConv3DPlan
from kernels.cuda.conv_lstm.conv_lstm import ConvLSTMPlan
from kernels.cuda.conv_lstm.persistent import RECURRENCES, Recurrence
from kernels.cuda.launch.launch import Runtime
from kernels.cuda.launch.workspace import Workspace
from kernels.cuda.pointwise.gather import Gather
from kernels.cuda.pointwise.loss import ActivationOperation, Losses, LossOperation
from kernels.cuda.pointwise.optimizers import ClipOperation, Optimizers, UpdateOperation
from kernels.cuda.pointwise.pieces import Layout, LSTMCell, WeightRules
from kernels.cuda.products.product_kinds import PRODUCTS, Products
from kernels.losses import LossSpec
from kernels.specs import PRECISIONS, BatchNormSpec, ClipSpec, Conv3DSpec, ConvLSTMSpec
from kernels.updates import UpdateSpec

Array = Any

_log = logging.getLogger("kernels.cuda")


class CudaBackend(Backend):
    """Hand-written CUDA kernels on one device, float32 arrays.

    Calls queue work on the device and return; only to_host and synchronize wait. The same call gives the same bits on
    every run.

    Args:
        device: index of the CUDA device.
        precision: of the convolutions. "float32" (default): float32 multiplications, within 1e-5 of float64 relative in
            norm. "tf32": tensor cores, factors rounded to 10 bits of mantissa, float32 sums, within 2e-3;
            but for gates that rounding moves across a corner of a hard sigmoid (docs/cuda/precision.md).
            "bfloat16": tensor cores at twice that rate; activations and gradients are kept with 7 bits of mantissa,
            gates and, for backward, cell states with 10, weights are rounded for the products only; sums and the cell
            states that go on are float32; within 2e-2.
        runtime: where the kernels run; None is that device through CuPy.
        graphs: replay recorded work as CUDA graphs; None (default): unless the environment says CONVLSTM_GRAPHS=0.
        recurrence: how a ConvLSTM goes through its frames. "persistent": one launch each way for all of them;
            ValueError where that does not fit on the device. "steps": one launch a frame. "auto" (default): persistent
            where it fits and there is more than one frame. They agree within rounding (docs/cuda/recurrence.md).
        products: how a ConvLSTM's products over all frames read their pixels. "windows": once, with their neighbours;
            ValueError where that does not fit on the device. "gathered": anew for each tap. "auto" (default): what
            costs less by the counts of kernels/cuda/products/product_tiles.py. A Conv3D with few outputs is gathered if
            asked for, else read once. They agree within rounding.
    """

    name = "cuda"
    dtype = np.dtype(np.float32)

    def __init__(
        self,
        device: int = 0,
        precision: str = "float32",
        runtime: Runtime | None = None,
        graphs: bool | None = None,
        recurrence: Recurrence = "auto",
        products: Products = "auto",
    ) -> None:
        if precision not in PRECISIONS:
            raise ValueError(f"precision: expected one of {', '.join(PRECISIONS)}, got {precision!r}")
        if recurrence not in RECURRENCES:
            raise ValueError(f"recurrence: expected one of {', '.join(RECURRENCES)}, got {recurrence!r}")
        if products not in PRODUCTS:
            raise ValueError(f"products: expected one of {', '.join(PRODUCTS)}, got {products!r}")
        if runtime is None:
            from kernels.cuda.launch.runtime import CupyRuntime

            runtime = CupyRuntime(device)
        self.precision = precision
        self.recurrence, self.products = recurrence, products
        self.runtime = runtime
        self.graphs = os.environ.get("CONVLSTM_GRAPHS") != "0" if graphs is None else graphs
        self.description = f"{runtime.name}, {precision}"
        self._workspace = Workspace(runtime)
        self._losses = Losses(runtime, self._workspace)
        self._optimizers = Optimizers(runtime)
        self._gather = Gather(runtime, self._workspace)
        self._cell, self._layout, self._weight_rules = LSTMCell(runtime), Layout(runtime), WeightRules(runtime)

    # ---------------------------------------------------------------- arrays

    def empty(self, shape: tuple[int, ...], dtype: Any = None) -> Array:
        return self.runtime.empty(shape, self.dtype if dtype is None else dtype)

    def zeros(self, shape: tuple[int, ...], dtype: Any = None) -> Array:
        return self.runtime.zeros(shape, self.dtype if dtype is None else dtype)

    def from_host(self, array: np.ndarray[Any, Any], dtype: Any = None) -> Array:
        return self.runtime.from_host(array, self.dtype if dtype is None else dtype)

    def to_host(self, array: Array) -> np.ndarray[Any, Any]:
        return self.runtime.to_host(array)

    def copy_into(self, target: Array, source: Array | np.ndarray[Any, Any]) -> None:
        self.runtime.copy(target, source)

    def gather_batch(self, movies: Array, rows: np.ndarray[Any, Any], batch: Array) -> None:
        self._gather(movies, rows, batch)

    # ---------------------------------------------------------------- layers

    def conv_lstm_plan(self, spec: ConvLSTMSpec) -> ConvLSTMPlan:
        return ConvLSTMPlan(self.runtime, self._workspace, spec, self.precision, self.recurrence, self.products)

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
        return plan.step(x, h, c, kernel, recurrent_kernel, bias, same_weights)

    def batch_norm_plan(self, spec: BatchNormSpec, source: ConvLSTMPlan | None = None) -> BatchNormPlan:
        linked = link(self.runtime, source, spec, self.precision)
        return BatchNormPlan(self.runtime, self._workspace, spec, self.precision, linked)

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
        return plan.forward(x, gamma, beta, moving_mean, moving_variance, momentum)

    def batch_norm_backward(
        self, plan: BatchNormPlan, dy: Array, x: Array, gamma: Array, dgamma: Array, dbeta: Array
    ) -> Array:
        return plan.backward(dy, x, gamma, dgamma, dbeta)

    def batch_norm_inference(
        self, plan: BatchNormPlan, x: Array, gamma: Array, beta: Array, moving_mean: Array, moving_variance: Array
    ) -> Array:
        return plan.inference(x, gamma, beta, moving_mean, moving_variance)

    def conv3d_plan(self, spec: Conv3DSpec) -> Conv3DPlan | DirectConv3DPlan:
        if not spec.is_dense:
            return DirectConv3DPlan(self.runtime, spec)
        return Conv3DPlan(self.runtime, self._workspace, spec, self.precision, self.products)

    def conv3d_forward(self, plan: Conv3DPlan | DirectConv3DPlan, x: Array, kernel: Array, bias: Array) -> Array:
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
        return plan.backward(dy, x, kernel, dkernel, dbias, need_dx)

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
        self._cell.forward(
            activation, recurrent_activation, z_input=z_input, z_recurrent=z_recurrent, c_prev=c_prev, gates=gates, c=c,
            h=h,
        )  # fmt: skip

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
        self._cell.backward(
            activation, recurrent_activation, dh=dh, dh_next=dh_next, dc=dc, gates=gates, c=c, c_prev=c_prev, dz=dz
        )

    def masked_copies(self, x: Array, masks: Array, y: Array) -> None:
        self._layout.masked_copies(x, masks, y)

    def masked_copies_backward(self, dy: Array, masks: Array, dx: Array) -> None:
        self._layout.masked_copies_backward(dy, masks, dx)

    def permute(self, x: Array, axes: tuple[int, ...], y: Array) -> None:
        self._layout.permute(x, axes, y)

    def add_penalty(self, weights: Array, l1: float, l2: float, loss: Array, gradient: Array | None) -> None:
        self._weight_rules.add_penalty(weights, l1, l2, loss, gradient)

    def constrain_norm(self, weights: Array, axes: tuple[int, ...], low: float, high: float, rate: float) -> None:
        self._weight_rules.constrain_norm(weights, axes, low, high, rate)

    # ---------------------------------------------------------------- elementwise, losses, optimizer

    def activation(self, activation: Activation) -> ActivationOperation:
        return ActivationOperation(self._losses, activation)

    def loss(self, spec: LossSpec) -> LossOperation:
        return LossOperation(self._losses, spec)

    def update(self, spec: UpdateSpec) -> UpdateOperation:
        return UpdateOperation(self._optimizers, spec)

    def decay_weights(self, weights: Array, decayed: Array, rate: Array) -> None:
        self._optimizers.decay(weights, decayed, rate)

    def clip(self, spec: ClipSpec) -> ClipOperation:
        return ClipOperation(self._optimizers, spec)

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        if not self.graphs:
            return work
        try:
            return self.runtime.capture(work).replay
        except RuntimeError as error:
            _log.warning("not recorded as a CUDA graph, launched kernel by kernel instead: %s", error)
            return work

    def synchronize(self) -> None:
        self.runtime.synchronize()
