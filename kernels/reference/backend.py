"""The reference back end: the operation table in NumPy, any dtype, written to be read and to be the oracle."""

from functools import partial
from typing import Any

import numpy as np

from kernels.activations import Activation
from kernels.arrays import HostArray
from kernels.combinations import CombinationSpec
from kernels.host import HostBackend
from kernels.losses import LossSpec
from kernels.operations import ConvLSTM
from kernels.reference import combinations, elementwise, losses, optimizers
from kernels.reference.batch_norm import ReferenceBatchNorm
from kernels.reference.broadcast import ReferenceBroadcast
from kernels.reference.conv3d import ReferenceConv3D
from kernels.reference.conv_lstm import ReferenceConvLSTM
from kernels.reference.embedding import ReferenceLookup
from kernels.reference.layer_norm import ReferenceLayerNorm
from kernels.reference.lstm_cell import ReferenceLSTMCell
from kernels.reference.max_pooling import ReferenceMaxPooling
from kernels.reference.resampling import ReferenceResampling
from kernels.reference.row_losses import RowLossOperation
from kernels.reference.softmax import ReferenceSoftmax
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
from kernels.updates import ClipOperation, UpdateSpec


class ReferenceBackend(HostBackend):
    """NumPy on the host. Allocates as it goes: clarity first.

    Args:
        dtype: float32 (default) or float64.
    """

    name = "reference"

    def __init__(self, dtype: Any = np.float32) -> None:
        self.dtype = np.dtype(dtype)
        self.description = f"reference: NumPy, {self.dtype.name}"

    def gather_batch(self, movies: HostArray, rows: HostArray, batch: HostArray) -> None:
        batch[...] = movies[rows].swapaxes(0, 1)

    def conv_lstm(self, spec: ConvLSTMSpec) -> ReferenceConvLSTM:
        return ReferenceConvLSTM(spec, self.dtype)

    def batch_norm(self, spec: BatchNormSpec, source: ConvLSTM[HostArray] | None = None) -> ReferenceBatchNorm:
        return ReferenceBatchNorm(spec, self.dtype)

    def layer_norm(self, spec: LayerNormSpec) -> ReferenceLayerNorm:
        return ReferenceLayerNorm(spec)

    def lookup(self, spec: LookupSpec) -> ReferenceLookup:
        return ReferenceLookup(spec, self.dtype)

    def conv3d(self, spec: Conv3DSpec) -> ReferenceConv3D:
        return ReferenceConv3D(spec)

    def max_pooling(self, spec: MaxPoolingSpec) -> ReferenceMaxPooling:
        return ReferenceMaxPooling(spec)

    def resampling(self, spec: ResamplingSpec) -> ReferenceResampling:
        return ReferenceResampling(spec, self.dtype)

    def lstm_cell(self, activation: Activation, recurrent_activation: Activation) -> ReferenceLSTMCell:
        return ReferenceLSTMCell(activation, recurrent_activation)

    def broadcast(self, x_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> ReferenceBroadcast:
        return ReferenceBroadcast(x_shape, y_shape)

    def combination(self, spec: CombinationSpec) -> combinations.CombinationOperation:
        return combinations.CombinationOperation(spec)

    def activation(self, activation: Activation) -> elementwise.ActivationOperation:
        return elementwise.ActivationOperation(activation)

    def softmax(self) -> ReferenceSoftmax:
        return ReferenceSoftmax()

    def loss(self, spec: LossSpec) -> losses.LossOperation | RowLossOperation:
        return RowLossOperation(spec) if spec.of_rows else losses.LossOperation(spec)

    def update(self, spec: UpdateSpec) -> optimizers.UpdateOperation:
        return optimizers.UpdateOperation(spec)

    def decay_weights(self, weights: HostArray, decayed: HostArray, rate: HostArray) -> None:
        optimizers.decay_weights(weights, decayed, rate)

    def clip(self, spec: ClipSpec) -> ClipOperation:
        return partial(optimizers.clip_gradients, spec)
