"""The CUDA back end: the operation table, each operation handed to the launcher of its .cu file."""

import logging
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from kernels.activations import Activation
from kernels.arrays import Array, HostArray
from kernels.backend import Backend
from kernels.combinations import CombinationSpec
from kernels.cuda.batch_norm.batch_norm import CudaBatchNorm
from kernels.cuda.batch_norm.batch_norm_link import BatchNormLink, link
from kernels.cuda.common.activations import ACTIVATION_DEFINES
from kernels.cuda.conv3d.conv3d import CudaConv3D
from kernels.cuda.conv3d.conv3d_direct import CudaDirectConv3D
from kernels.cuda.conv_lstm.conv_lstm import CudaConvLSTM
from kernels.cuda.conv_lstm.persistent import RECURRENCES, Recurrence
from kernels.cuda.launch.launch import Runtime
from kernels.cuda.launch.workspace import Workspace
from kernels.cuda.layer_norm.layer_norm import CudaLayerNorm
from kernels.cuda.pointwise.block import CudaBlock, block_kernels
from kernels.cuda.pointwise.broadcast import CudaBroadcast, broadcast_kernels
from kernels.cuda.pointwise.combine import CombinationOperation, combine_kernels
from kernels.cuda.pointwise.counts import CudaThresholdCounts
from kernels.cuda.pointwise.gather import Gather
from kernels.cuda.pointwise.lookup import CudaLookup
from kernels.cuda.pointwise.loss import ActivationOperation, Losses, LossOperation
from kernels.cuda.pointwise.optimizers import ClipOperation, Optimizers, UpdateOperation
from kernels.cuda.pointwise.pieces import CudaLSTMCell, CudaMaskedCopies, CudaPermute, Kernels, WeightRules
from kernels.cuda.pointwise.row_loss import RowLosses, RowLossOperation
from kernels.cuda.pointwise.softmax import CudaSoftmax
from kernels.cuda.pooling.max_pooling import CudaMaxPooling
from kernels.cuda.pooling.resampling import CudaResampling
from kernels.cuda.products.strategy import PRODUCTS, Products
from kernels.losses import LossSpec
from kernels.operations import Conv3D, ConvLSTM
from kernels.operations.convolution import CroppedConv3D, crop_spec
from kernels.specs import (
    PRECISIONS,
    BatchNormSpec,
    BlockSpec,
    ClipSpec,
    Conv3DSpec,
    ConvLSTMSpec,
    CountsSpec,
    LayerNormSpec,
    LookupSpec,
    MaxPoolingSpec,
    ResamplingSpec,
)
from kernels.updates import UpdateSpec

_log = logging.getLogger("kernels.cuda")


class CudaBackend(Backend[Array]):
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
            costs less by the counts of kernels/cuda/products/costs.py. A Conv3D with few outputs is gathered if
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
        self._row_losses = RowLosses(runtime, self._workspace)
        self._counts = Kernels(runtime, "pointwise/counts.cu", {})
        self._optimizers = Optimizers(runtime)
        self._gather = Gather(runtime, self._workspace)
        self._cell = Kernels(runtime, "pointwise/lstm_cell.cu", ACTIVATION_DEFINES)
        self._softmax = Kernels(runtime, "pointwise/softmax.cu", {})
        self._layout = Kernels(runtime, "pointwise/layout.cu", {})
        self._combine = combine_kernels(runtime)
        self._sum = CombinationOperation(self._combine, CombinationSpec("sum"))
        self._broadcast = broadcast_kernels(runtime)
        self._block = block_kernels(runtime)
        self._weight_rules = WeightRules(runtime)

    # ---------------------------------------------------------------- arrays

    def empty(self, shape: tuple[int, ...], dtype: Any = None) -> Array:
        return self.runtime.empty(shape, self.dtype if dtype is None else dtype)

    def zeros(self, shape: tuple[int, ...], dtype: Any = None) -> Array:
        return self.runtime.zeros(shape, self.dtype if dtype is None else dtype)

    def from_host(self, array: HostArray, dtype: Any = None) -> Array:
        return self.runtime.from_host(array, self.dtype if dtype is None else dtype)

    def to_host(self, array: Array) -> HostArray:
        return self.runtime.to_host(array)

    def copy_into(self, target: Array, source: Array | HostArray) -> None:
        self.runtime.copy(target, source)

    def gather_batch(self, movies: Array, rows: HostArray, batch: Array) -> None:
        self._gather(movies, rows, batch)

    # ---------------------------------------------------------------- operations of layers

    def conv_lstm(self, spec: ConvLSTMSpec) -> CudaConvLSTM:
        return CudaConvLSTM(self.runtime, self._workspace, spec, self.precision, self.recurrence, self.products)

    def batch_norm(self, spec: BatchNormSpec, source: ConvLSTM[Array] | None = None) -> CudaBatchNorm:
        linked = BatchNormLink()
        if isinstance(source, CudaConvLSTM):
            linked = link(self.runtime, source, spec, self.precision)
        return CudaBatchNorm(self.runtime, self._workspace, spec, self.precision, linked)

    def layer_norm(self, spec: LayerNormSpec) -> CudaLayerNorm:
        return CudaLayerNorm(self.runtime, self._workspace, spec)

    def lookup(self, spec: LookupSpec) -> CudaLookup:
        return CudaLookup(self.runtime, spec)

    def conv3d(self, spec: Conv3DSpec) -> Conv3D[Array]:
        around = spec.around
        if spec.is_dense:
            return CudaConv3D(self.runtime, self._workspace, spec, self.precision, self.products)
        if around is None:
            return CudaDirectConv3D(self.runtime, spec)
        inner, dy = self.conv3d(around), self.zeros(around.y_shape) if spec.training else None
        return CroppedConv3D(inner, self.block(crop_spec(spec, around)), self.empty(spec.y_shape), dy)

    def max_pooling(self, spec: MaxPoolingSpec) -> CudaMaxPooling:
        return CudaMaxPooling(self.runtime, spec)

    def resampling(self, spec: ResamplingSpec) -> CudaResampling:
        return CudaResampling(self.runtime, spec)

    def lstm_cell(self, activation: Activation, recurrent_activation: Activation) -> CudaLSTMCell:
        return CudaLSTMCell(self._cell, activation, recurrent_activation)

    def masked_copies(self, masks: Array) -> CudaMaskedCopies:
        return CudaMaskedCopies(self._layout, masks)

    def permute(self, axes: tuple[int, ...]) -> CudaPermute:
        return CudaPermute(self._layout, axes)

    def broadcast(self, x_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> CudaBroadcast:
        return CudaBroadcast(self._broadcast, self._layout, self._workspace, x_shape, y_shape)

    def block(self, spec: BlockSpec) -> CudaBlock:
        return CudaBlock(self.runtime, self._block, spec)

    # ---------------------------------------------------------------- weights

    def add_penalty(self, weights: Array, l1: float, l2: float, loss: Array, gradient: Array | None) -> None:
        self._weight_rules.add_penalty(weights, l1, l2, loss, gradient)

    def constrain_norm(self, weights: Array, axes: tuple[int, ...], low: float, high: float, rate: float) -> None:
        self._weight_rules.constrain_norm(weights, axes, low, high, rate)

    # ---------------------------------------------------------------- elementwise, losses, optimizer

    def add(self, a: Array, b: Array, out: Array) -> None:
        self._sum.forward(a, b, out)

    def combination(self, spec: CombinationSpec) -> CombinationOperation:
        return CombinationOperation(self._combine, spec)

    def activation(self, activation: Activation) -> ActivationOperation:
        return ActivationOperation(self._losses, activation)

    def softmax(self) -> CudaSoftmax:
        return CudaSoftmax(self._softmax)

    def loss(self, spec: LossSpec) -> LossOperation | RowLossOperation:
        return RowLossOperation(self._row_losses, spec) if spec.of_rows else LossOperation(self._losses, spec)

    def threshold_counts(self, spec: CountsSpec) -> CudaThresholdCounts:
        return CudaThresholdCounts(self.runtime, self._workspace, self._counts, spec)

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
