"""The narrow waist: the table of operations that every back end implements.

engine/ knows arrays and equations and calls these methods; kernels/reference, kernels/cpu and kernels/cuda implement
them with the same names, the same arguments and the same shapes. Arrays are the back end's own (NumPy on the host,
CuPy on a device), C-contiguous, of the back end's one floating-point dtype, and time-major: a time slice is contiguous.

Plans. An operation that needs memory is first bound to a shape: `conv_lstm_plan(spec)` allocates every output, saved
tensor and scratch buffer, once. The calls that follow allocate nothing and return arrays which the plan owns and the
next call with the same plan overwrites. A plan carries no state from step to step but what forward saves for the
backward that follows it.

Gradients of weights are written (not added) into arrays that the caller gives, views of one flat buffer.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from kernels.activations import Activation, ActivationOperation
from kernels.losses import LossOperation, LossSpec
from kernels.specs import BatchNormSpec, ClipSpec, Conv3DSpec, ConvLSTMSpec
from kernels.updates import ClipOperation, UpdateOperation, UpdateSpec

Array = Any
"""A back end's array: numpy.ndarray or cupy.ndarray."""

Plan = Any
"""What a back end binds to a spec; opaque to the caller."""


class Backend(ABC):
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

        What is recorded, the arrays of a plan and scratch are for one thread at a time.
        """
        return threading.RLock()

    # ---------------------------------------------------------------- arrays

    @abstractmethod
    def empty(self, shape: tuple[int, ...], dtype: Any = None) -> Array:
        """An uninitialised C-contiguous array; dtype None is the back end's own."""

    @abstractmethod
    def zeros(self, shape: tuple[int, ...], dtype: Any = None) -> Array:
        """The same, filled with zeros."""

    @abstractmethod
    def from_host(self, array: np.ndarray[Any, Any], dtype: Any = None) -> Array:
        """A copy of a host array on the device, C-contiguous, cast to dtype (None: the back end's own)."""

    @abstractmethod
    def to_host(self, array: Array) -> np.ndarray[Any, Any]:
        """A copy of a device array on the host; waits for the device."""

    @abstractmethod
    def copy_into(self, target: Array, source: Array | np.ndarray[Any, Any]) -> None:
        """target[...] = source, from host or device, same shape; casts."""

    @abstractmethod
    def gather_batch(self, movies: Array, rows: np.ndarray[Any, Any], batch: Array) -> None:
        """batch[t, b] = movies[rows[b], t]: one shuffled, time-major batch.

        movies (N,T,H,W,C) as the device holds the data set; rows (B,) int64 on the host; batch (T,B,H,W,C).
        """

    # ---------------------------------------------------------------- ConvLSTM

    @abstractmethod
    def conv_lstm_plan(self, spec: ConvLSTMSpec) -> Plan:
        """Allocate h, the saved tensors, dx, dh0, dc0 and the scratch of one ConvLSTM layer."""

    @abstractmethod
    def conv_lstm_forward(
        self,
        plan: Plan,
        x: Array,
        kernel: Array,
        recurrent_kernel: Array,
        bias: Array,
        h0: Array | None = None,
        c0: Array | None = None,
    ) -> tuple[Array, Array]:
        """Run T steps of the recurrence.

            z   = conv(x_t, kernel) + conv(h_prev, recurrent_kernel) + bias      blocks i, f, g, o of F on the last axis
            c_t = sigma(z_f) * c_prev + sigma(z_i) * tanh(z_g)
            h_t = sigma(z_o) * tanh(c_t)

        x (T,B,H,W,C), kernel (kh,kw,C,4F), recurrent_kernel (kh,kw,F,4F), bias (4F); h0, c0 (B,H,W,F), None is zero.
        Returns h (T,B,H,W,F) and the last cell state c (B,H,W,F).
        """

    @abstractmethod
    def conv_lstm_backward(
        self,
        plan: Plan,
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
        """Backpropagate through the T steps of the forward call that this plan ran last, with the same arguments.

        dh (T,B,H,W,F) is the gradient that reaches each h_t from above (left unchanged). Writes dkernel,
        drecurrent_kernel, dbias; returns dx (T,B,H,W,C) (None unless need_dx), dh0 and dc0 (B,H,W,F) (None unless
        need_dstate).
        """

    @abstractmethod
    def conv_lstm_step(
        self,
        plan: Plan,
        x: Array,
        h: Array | None,
        c: Array | None,
        kernel: Array,
        recurrent_kernel: Array,
        bias: Array,
        same_weights: bool = False,
    ) -> tuple[Array, Array]:
        """One frame of streaming inference: x (B,H,W,C), h, c (B,H,W,F), None is zero -> the next h, c.

        The plan's spec has T=1, training=False; h is narrow where its spec says so of y. The plan keeps two sets of
        states and hands out the first, or the second where the first is what it was given, so the h and c that one call
        returned may be passed to the next. same_weights: kernel and recurrent_kernel are what they were in this plan's
        last call, so a back end need not prepare them again.
        """

    # ---------------------------------------------------------------- BatchNormalization

    @abstractmethod
    def batch_norm_plan(self, spec: BatchNormSpec, source: Plan | None = None) -> Plan:
        """Allocate y, dx and the statistics of one BatchNormalization layer.

        source: the plan of a ConvLSTM whose h, as conv_lstm_forward returns it, is always this plan's x, and whose dh
        is always what batch_norm_backward returned just before, where that goes nowhere else. A back end may then
        split the work between the two otherwise, so that what batch_norm_backward returns need not be dx.
        """

    @abstractmethod
    def batch_norm_forward(
        self,
        plan: Plan,
        x: Array,
        gamma: Array,
        beta: Array,
        moving_mean: Array,
        moving_variance: Array,
        momentum: float,
    ) -> Array:
        """Normalise with the batch's own statistics over T,B,H,W and move the moving averages, in place.

            y = gamma * (x - mean) / sqrt(variance + epsilon) + beta          biased variance
            moving <- momentum * moving + (1 - momentum) * batch              biased variance here too

        x (T,B,H,W,C); gamma, beta, moving_mean, moving_variance (C). Returns y like x.
        """

    @abstractmethod
    def batch_norm_backward(self, plan: Plan, dy: Array, x: Array, gamma: Array, dgamma: Array, dbeta: Array) -> Array:
        """Differentiate the last forward call: dy, x (T,B,H,W,C). Writes dgamma, dbeta (C); returns dx."""

    @abstractmethod
    def batch_norm_inference(
        self, plan: Plan, x: Array, gamma: Array, beta: Array, moving_mean: Array, moving_variance: Array
    ) -> Array:
        """y = gamma * (x - moving_mean) / sqrt(moving_variance + epsilon) + beta."""

    # ---------------------------------------------------------------- Conv3D

    @abstractmethod
    def conv3d_plan(self, spec: Conv3DSpec) -> Plan:
        """Allocate y, dx and the scratch of one Conv3D layer."""

    @abstractmethod
    def conv3d_forward(self, plan: Plan, x: Array, kernel: Array, bias: Array) -> Array:
        """y = conv(x, kernel) + bias, before the activation.

        x (T,B,H,W,C), kernel (kt,kh,kw,C/groups,K), bias (K) -> y (T',B,H',W',K), sizes as Conv3DSpec has them.
        """

    @abstractmethod
    def conv3d_backward(
        self,
        plan: Plan,
        dy: Array,
        x: Array,
        kernel: Array,
        dkernel: Array | None,
        dbias: Array | None,
        need_dx: bool = True,
    ) -> Array | None:
        """dy (T',B,H',W',K). Writes dkernel and dbias, unless both are None; returns dx (T,B,H,W,C) if need_dx.

        x is read for dkernel only.
        """

    # ---------------------------------------------------------------- a ConvLSTM in pieces

    @abstractmethod
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
        """The gates of one step, at every pixel; a is the activation, s the recurrent one.

            z = z_input + z_recurrent                                     blocks i, f, g, o of F on the last axis
            c = s(z_f) * c_prev + s(z_i) * a(z_g)
            h = s(z_o) * a(c)

        z_input, z_recurrent (B,H,W,4F), c_prev (B,H,W,F). Writes gates (B,H,W,4F), which are s(z_i), s(z_f), a(z_g),
        s(z_o), and c, h (B,H,W,F).
        """

    @abstractmethod
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
        """Differentiate that step: dh, dh_next (B,H,W,F) reach h from above and from the next step, dc (B,H,W,F) c.

        Writes dz (B,H,W,4F), the gradient of both z_input and z_recurrent, and in dc's place the gradient of c_prev.
        """

    @abstractmethod
    def masked_copies(self, x: Array, masks: Array, y: Array) -> None:
        """y[t, ..., g*C + c] = x[t, ..., c] * masks[g, ..., c]: a copy of x for each of G masks, side by side.

        x (T,B,H,W,C), masks (G,B,H,W,C), y (T,B,H,W,G*C).
        """

    @abstractmethod
    def masked_copies_backward(self, dy: Array, masks: Array, dx: Array) -> None:
        """dx[t, ..., c] = sum over g of dy[t, ..., g*C + c] * masks[g, ..., c]; shapes as above."""

    @abstractmethod
    def permute(self, x: Array, axes: tuple[int, ...], y: Array) -> None:
        """y = x with its axes in another order, as numpy.transpose has it; x and y of the same rank, 1 to 5."""

    # ---------------------------------------------------------------- elementwise, losses, optimizers

    @abstractmethod
    def activation(self, activation: Activation) -> ActivationOperation:
        """One of kernels.activations.ACTIVATIONS; ValueError naming it where this back end lacks it."""

    @abstractmethod
    def loss(self, spec: LossSpec) -> LossOperation:
        """A loss or a metric of kernels.losses.TERMS; ValueError naming it where this back end lacks it."""

    @abstractmethod
    def update(self, spec: UpdateSpec) -> UpdateOperation:
        """A rule of kernels.updates.UPDATES that moves weights; ValueError naming it where this back end lacks it."""

    @abstractmethod
    def decay_weights(self, weights: Array, decayed: Array, rate: Array) -> None:
        """w <- w - rate * decayed * w on flat buffers (P,), in place; decayed is 1 or 0, rate (1,)."""

    @abstractmethod
    def clip(self, spec: ClipSpec) -> ClipOperation:
        """What makes gradients smaller as the spec says; allocates what that needs."""

    # ---------------------------------------------------------------- weights: penalties and constraints

    @abstractmethod
    def add_penalty(self, weights: Array, l1: float, l2: float, loss: Array, gradient: Array | None) -> None:
        """loss += l1 * sum|w| + l2 * sum(w^2), and gradient += l1 * sign(w) + 2 l2 w unless it is None.

        weights, gradient: any one shape; loss (1,), float64, on the device.
        """

    @abstractmethod
    def constrain_norm(self, weights: Array, axes: tuple[int, ...], low: float, high: float, rate: float) -> None:
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
