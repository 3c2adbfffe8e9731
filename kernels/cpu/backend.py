"""The CPU back end: the operation table on SIMD kernels that Numba compiles for this machine."""

from typing import Any, Literal

import numba
import numpy as np

from kernels.activations import Activation
from kernels.arrays import HostArray
from kernels.combinations import CombinationSpec
from kernels.cpu.compile.vector import instruction_set
from kernels.cpu.layers.batch_norm import CpuBatchNorm
from kernels.cpu.layers.broadcast import CpuBroadcast
from kernels.cpu.layers.conv3d import CpuConv3D, has_transform
from kernels.cpu.layers.conv3d_depthwise import CpuDepthwiseConv3D
from kernels.cpu.layers.conv3d_unfolded import CpuUnfoldedConv3D
from kernels.cpu.layers.conv_lstm import CpuConvLSTM
from kernels.cpu.layers.embedding import CpuLookup
from kernels.cpu.layers.layer_norm import CpuLayerNorm
from kernels.cpu.layers.lstm_cell import CpuLSTMCell
from kernels.cpu.layers.max_pooling import CpuMaxPooling
from kernels.cpu.layers.resampling import CpuResampling
from kernels.cpu.pointwise import combinations, elementwise, losses, optimizers
from kernels.cpu.pointwise.row_losses import RowLossOperation
from kernels.cpu.pointwise.softmax import CpuSoftmax
from kernels.host import HostBackend
from kernels.losses import LossSpec
from kernels.operations import Conv3D, ConvLSTM
from kernels.operations.convolution import CroppedConv3D, crop_spec
from kernels.specs import (
    BatchNormSpec,
    ClipSpec,
    Conv3DSpec,
    ConvLSTMSpec,
    LayerNormSpec,
    LookupSpec,
    MaxPoolingSpec,
    ResamplingSpec,
)
from kernels.updates import UpdateSpec


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

    def gather_batch(self, movies: HostArray, rows: HostArray, batch: HostArray) -> None:
        for b, row in enumerate(rows):
            batch[:, b] = movies[row]

    # ---------------------------------------------------------------- operations of layers

    def conv_lstm(self, spec: ConvLSTMSpec) -> CpuConvLSTM:
        return CpuConvLSTM(spec, self.dtype, self.threads, self._transform)

    def batch_norm(self, spec: BatchNormSpec, source: ConvLSTM[HostArray] | None = None) -> CpuBatchNorm:
        return CpuBatchNorm(spec, self.dtype, self.threads)

    def layer_norm(self, spec: LayerNormSpec) -> CpuLayerNorm:
        return CpuLayerNorm(spec, self.dtype, self.threads)

    def lookup(self, spec: LookupSpec) -> CpuLookup:
        return CpuLookup(spec, self.dtype, self.threads)

    def conv3d(self, spec: Conv3DSpec) -> Conv3D[HostArray]:
        if spec.is_dense and not spec.is_pointwise:
            return CpuConv3D(spec, self.dtype, self.threads, self._transform)
        around = spec.around
        if self._transform and around is not None and has_transform(around):
            inner = CpuConv3D(around, self.dtype, self.threads, transform=True)
            dy = self.zeros(around.y_shape) if spec.training else None
            return CroppedConv3D(inner, self.block(crop_spec(spec, around)), self.empty(spec.y_shape), dy)
        if spec.groups == spec.C > 1:
            return CpuDepthwiseConv3D(spec, self.dtype, self.threads)
        return CpuUnfoldedConv3D(spec, self.dtype, self.threads)

    def max_pooling(self, spec: MaxPoolingSpec) -> CpuMaxPooling:
        return CpuMaxPooling(spec, self.dtype, self.threads)

    def resampling(self, spec: ResamplingSpec) -> CpuResampling:
        return CpuResampling(spec, self.dtype, self.threads)

    def lstm_cell(self, activation: Activation, recurrent_activation: Activation) -> CpuLSTMCell:
        return CpuLSTMCell(activation, recurrent_activation, self.threads)

    def broadcast(self, x_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> CpuBroadcast:
        return CpuBroadcast(x_shape, y_shape, self.dtype, self.threads)

    # ---------------------------------------------------------------- elementwise, losses, optimizer

    def combination(self, spec: CombinationSpec) -> combinations.CombinationOperation:
        return combinations.CombinationOperation(spec, self.dtype, self.threads)

    def activation(self, activation: Activation) -> elementwise.ActivationOperation:
        return elementwise.ActivationOperation(activation)

    def softmax(self) -> CpuSoftmax:
        return CpuSoftmax(self.threads)

    def loss(self, spec: LossSpec) -> losses.LossOperation | RowLossOperation:
        return RowLossOperation(spec, self.dtype) if spec.of_rows else losses.LossOperation(spec, self.dtype)

    def update(self, spec: UpdateSpec) -> optimizers.UpdateOperation:
        return optimizers.UpdateOperation(spec, self.dtype)

    def decay_weights(self, weights: HostArray, decayed: HostArray, rate: HostArray) -> None:
        optimizers.decay_weights(weights, decayed, rate)

    def clip(self, spec: ClipSpec) -> optimizers.ClipOperation:
        return optimizers.ClipOperation(spec, self.dtype)
