"""The narrow waist: arrays, and the operations that every back end has.

engine/ knows arrays and equations and calls these methods; kernels/reference, kernels/cpu and kernels/cuda implement
them with the same names, the same arguments and the same shapes. Arrays are the back end's own (NumPy on the host,
CuPy on a device), C-contiguous, of the back end's one floating-point dtype, and time-major: a time slice is contiguous.

What needs memory is an object of kernels/operations/, bound to a shape once: `op = backend.conv_lstm(spec)`, then
`h, c = op.forward(...)`, `dx, dh0, dc0 = op.backward(...)`.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import Any, Generic

import numpy as np

from kernels.activations import Activation, ActivationOperation
from kernels.arrays import ArrayT, HostArray
from kernels.combinations import CombinationOperation, CombinationSpec
from kernels.losses import LossOperation, LossSpec
from kernels.operations import (
    BatchNorm,
    Block,
    Broadcast,
    Conv3D,
    ConvLSTM,
    LayerNorm,
    Lookup,
    LSTMCell,
    MaskedCopies,
    MaxPooling,
    Permute,
    Resampling,
    Softmax,
    ThresholdCounts,
)
from kernels.specs import (
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
from kernels.updates import ClipOperation, UpdateOperation, UpdateSpec


class Backend(ABC, Generic[ArrayT]):
    """One implementation of the operation table, on one device, in one dtype.

    Attributes:
        name: "reference", "cpu" or "cuda".
        dtype: numpy.float32 or numpy.float64, of every floating-point array that goes in or out.
        description: one line for people: what runs where, e.g. "cpu: Numba, float32, AVX-512, 2 threads".
    """

    name: str
    dtype: np.dtype[Any]
    description: str

    @cached_property
    def lock(self) -> Any:
        """A reentrant lock for callers from several threads; the operations themselves take none.

        What is recorded, the arrays of an operation and scratch are for one thread at a time.
        """
        return threading.RLock()

    # ---------------------------------------------------------------- arrays

    @abstractmethod
    def empty(self, shape: tuple[int, ...], dtype: Any = None) -> ArrayT:
        """An uninitialised C-contiguous array; dtype None is the back end's own."""

    @abstractmethod
    def zeros(self, shape: tuple[int, ...], dtype: Any = None) -> ArrayT:
        """A C-contiguous array of zeros; dtype as for empty."""

    @abstractmethod
    def from_host(self, array: HostArray, dtype: Any = None) -> ArrayT:
        """A copy of a host array on the device, C-contiguous, cast to dtype (None: the back end's own)."""

    @abstractmethod
    def to_host(self, array: ArrayT) -> HostArray:
        """A copy of a device array on the host; waits for the device."""

    @abstractmethod
    def copy_into(self, target: ArrayT, source: ArrayT | HostArray) -> None:
        """target[...] = source, from host or device, same shape; casts."""

    @abstractmethod
    def gather_batch(self, movies: ArrayT, rows: HostArray, batch: ArrayT) -> None:
        """batch[t, b] = movies[rows[b], t]: one shuffled, time-major batch.

        movies (N,T,H,W,C) as the device holds the data set; rows (B,) int64 on the host; batch (T,B,H,W,C).
        """

    # ---------------------------------------------------------------- operations of layers

    @abstractmethod
    def conv_lstm(self, spec: ConvLSTMSpec) -> ConvLSTM[ArrayT]:
        """Allocate h, the saved tensors, dx, dh0, dc0 and the scratch of one ConvLSTM layer."""

    @abstractmethod
    def batch_norm(self, spec: BatchNormSpec, source: ConvLSTM[ArrayT] | None = None) -> BatchNorm[ArrayT]:
        """Allocate y, dx and the statistics of one BatchNormalization layer.

        source: a ConvLSTM whose h, as its forward returns it, is always this operation's x, and whose dh is always what
        this operation's backward returned just before, where that goes nowhere else. A back end may then split the work
        between the two otherwise, so that what backward returns need not be dx.
        """

    @abstractmethod
    def layer_norm(self, spec: LayerNormSpec) -> LayerNorm[ArrayT]:
        """Allocate y, dx and the statistics of one LayerNormalization layer."""

    @abstractmethod
    def lookup(self, spec: LookupSpec) -> Lookup[ArrayT]:
        """Allocate y of one table of rows."""

    @abstractmethod
    def conv3d(self, spec: Conv3DSpec) -> Conv3D[ArrayT]:
        """Allocate y, dx and the scratch of one Conv3D layer."""

    @abstractmethod
    def max_pooling(self, spec: MaxPoolingSpec) -> MaxPooling[ArrayT]:
        """Allocate y, dx and the winners of one max pooling."""

    @abstractmethod
    def resampling(self, spec: ResamplingSpec) -> Resampling[ArrayT]:
        """Allocate y, dx and the weights of one average pooling or up-sampling."""

    @abstractmethod
    def lstm_cell(self, activation: Activation, recurrent_activation: Activation) -> LSTMCell[ArrayT]:
        """Choose the two activations of a ConvLSTM in pieces."""

    @abstractmethod
    def masked_copies(self, masks: ArrayT) -> MaskedCopies[ArrayT]:
        """Bind masks (G,B,H,W,C), which stay where they are; what they hold is read anew by each call."""

    @abstractmethod
    def permute(self, axes: tuple[int, ...]) -> Permute[ArrayT]:
        """Choose an order of axes, 1 to 5 of them."""

    @abstractmethod
    def broadcast(self, x_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> Broadcast[ArrayT]:
        """Allocate the scratch of sums over the axes along which x is repeated; ValueError: x does not broadcast."""

    @abstractmethod
    def block(self, spec: BlockSpec) -> Block[ArrayT]:
        """Choose a block of one array and one of another."""

    # ---------------------------------------------------------------- elementwise, losses, optimizers

    @abstractmethod
    def add(self, a: ArrayT, b: ArrayT, out: ArrayT) -> None:
        """out = a + b, all of any one shape; out may be a or b."""

    @abstractmethod
    def combination(self, spec: CombinationSpec) -> CombinationOperation[ArrayT]:
        """One of kernels.combinations.COMBINATIONS; ValueError naming it where this back end lacks it."""

    @abstractmethod
    def activation(self, activation: Activation) -> ActivationOperation[ArrayT]:
        """An activation of kernels.activations.ACTIVATIONS; ValueError naming it where this back end lacks it."""

    @abstractmethod
    def softmax(self) -> Softmax[ArrayT]:
        """A softmax over the last axis."""

    @abstractmethod
    def loss(self, spec: LossSpec) -> LossOperation[ArrayT]:
        """A loss or a metric of kernels.losses.TERMS; ValueError naming it where this back end lacks it."""

    @abstractmethod
    def threshold_counts(self, spec: CountsSpec) -> ThresholdCounts[ArrayT]:
        """What a metric counts of predictions and targets; allocates what that needs."""

    @abstractmethod
    def update(self, spec: UpdateSpec) -> UpdateOperation[ArrayT]:
        """A rule of kernels.updates.UPDATES that moves weights; ValueError naming it where this back end lacks it."""

    @abstractmethod
    def decay_weights(self, weights: ArrayT, decayed: ArrayT, rate: ArrayT) -> None:
        """w <- w - rate * decayed * w on flat buffers (P,), in place; decayed is 1 or 0, rate (1,)."""

    @abstractmethod
    def clip(self, spec: ClipSpec) -> ClipOperation[ArrayT]:
        """What makes gradients smaller as the spec says; allocates what that needs."""

    # ---------------------------------------------------------------- weights: penalties and constraints

    @abstractmethod
    def add_penalty(self, weights: ArrayT, l1: float, l2: float, loss: ArrayT, gradient: ArrayT | None) -> None:
        """loss += l1 * sum|w| + l2 * sum(w^2), and gradient += l1 * sign(w) + 2 l2 w unless it is None.

        weights, gradient: any one shape; loss (1,), float64, on the device.
        """

    @abstractmethod
    def constrain_norm(self, weights: ArrayT, axes: tuple[int, ...], low: float, high: float, rate: float) -> None:
        """Scale weights (rank 1 to 5), in place, so that their norms over `axes` come to lie between low and high.

        w <- w * (rate * clip(norm, low, high) + (1 - rate) * norm) / (NORM_EPSILON + norm)
        """

    # ---------------------------------------------------------------- time

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """A function that does again what `work` asks of the device: the same operations on the same arrays.

        `work` has run once before, so that all it needs is compiled and allocated. On a host, which has nothing to
        gain, it is `work` itself.
        """
        return work

    def synchronize(self) -> None:
        """Wait until the device has done all that was asked of it; nothing to do on a host."""
