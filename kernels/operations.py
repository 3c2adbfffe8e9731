"""Operations of the network: objects bound to a spec, forward and backward side by side.

A back end makes them (`op = backend.conv_lstm(spec)`) and implements each of these classes; kernels/backend.py has the
factories. Arrays are C-contiguous, of the back end's one floating-point dtype, and time-major.

Memory. A factory allocates every output, saved tensor and scratch buffer, once; the calls that follow allocate nothing.
A returned array belongs to the operation, and its next call of any kind may overwrite it. An operation carries no state
from call to call but what forward saves for the backward that follows it. Arguments are left unchanged, except those
that a method says it writes.

Gradients of weights are written (not added) into arrays that the caller gives, views of one flat buffer.
"""

from abc import ABC, abstractmethod
from typing import Generic

from kernels.arrays import ArrayT


class ConvLSTM(ABC, Generic[ArrayT]):
    """A ConvLSTM layer over T frames; bound to a ConvLSTMSpec.

        z   = conv(x_t, kernel) + conv(h_prev, recurrent_kernel) + bias      blocks i, f, g, o of F on the last axis
        c_t = sigma(z_f) * c_prev + sigma(z_i) * tanh(z_g)
        h_t = sigma(z_o) * tanh(c_t)

    Shapes: x (T,B,H,W,C), kernel (kh,kw,C,4F), recurrent_kernel (kh,kw,F,4F), bias (4F), h (T,B,H,W,F), states h0, c0
    (B,H,W,F); a state that is None is zero.
    """

    @abstractmethod
    def forward(
        self,
        x: ArrayT,
        kernel: ArrayT,
        recurrent_kernel: ArrayT,
        bias: ArrayT,
        h0: ArrayT | None = None,
        c0: ArrayT | None = None,
    ) -> tuple[ArrayT, ArrayT]:
        """Run T steps of the recurrence; return h (T,B,H,W,F) and the last cell state c (B,H,W,F)."""

    @abstractmethod
    def backward(
        self,
        dh: ArrayT,
        x: ArrayT,
        kernel: ArrayT,
        recurrent_kernel: ArrayT,
        dkernel: ArrayT,
        drecurrent_kernel: ArrayT,
        dbias: ArrayT,
        h0: ArrayT | None = None,
        c0: ArrayT | None = None,
        need_dx: bool = True,
        need_dstate: bool = True,
    ) -> tuple[ArrayT | None, ArrayT | None, ArrayT | None]:
        """Backpropagate through the T steps of the last forward call, with the same arguments.

        dh (T,B,H,W,F) is the gradient that reaches each h_t from above (left unchanged). Writes dkernel,
        drecurrent_kernel, dbias; returns dx (T,B,H,W,C) (None unless need_dx), dh0 and dc0 (B,H,W,F) (None unless
        need_dstate). The spec has training=True.
        """

    @abstractmethod
    def step(
        self,
        x: ArrayT,
        h: ArrayT | None,
        c: ArrayT | None,
        kernel: ArrayT,
        recurrent_kernel: ArrayT,
        bias: ArrayT,
        same_weights: bool = False,
    ) -> tuple[ArrayT, ArrayT]:
        """Advance a stream by one frame: x (B,H,W,C), h, c (B,H,W,F), None is zero -> the next h, c.

        The spec has T=1, training=False; h is narrow where the spec says so of y. The operation keeps two sets of
        states and hands out the first, or the second where the first is what it was given, so the h and c that one call
        returned may be passed to the next. same_weights: kernel and recurrent_kernel are what they were in the last
        call, so a back end need not prepare them again.
        """


class BatchNorm(ABC, Generic[ArrayT]):
    """BatchNormalization over the last axis; bound to a BatchNormSpec.

        y = gamma * (x - mean) / sqrt(variance + epsilon) + beta

    Shapes: x, y (T,B,H,W,C); gamma, beta, moving_mean, moving_variance (C).
    """

    @abstractmethod
    def forward(
        self,
        x: ArrayT,
        gamma: ArrayT,
        beta: ArrayT,
        moving_mean: ArrayT,
        moving_variance: ArrayT,
        momentum: float,
    ) -> ArrayT:
        """Normalise with the batch's own statistics over T,B,H,W and move the moving averages, in place.

            mean, variance: of x over T,B,H,W                                 biased variance
            moving <- momentum * moving + (1 - momentum) * batch              biased variance here too

        The spec has training=True. Returns y.
        """

    @abstractmethod
    def backward(self, dy: ArrayT, x: ArrayT, gamma: ArrayT, dgamma: ArrayT, dbeta: ArrayT) -> ArrayT:
        """Differentiate the last forward call: dy, x (T,B,H,W,C). Writes dgamma, dbeta (C); returns dx.

        With a source (see Backend.batch_norm) what returns may be dy itself, for the backward of the source alone.
        """

    @abstractmethod
    def inference(self, x: ArrayT, gamma: ArrayT, beta: ArrayT, moving_mean: ArrayT, moving_variance: ArrayT) -> ArrayT:
        """Normalise with the moving averages as mean and variance; return y. Leaves nothing for backward."""


class Conv3D(ABC, Generic[ArrayT]):
    """A 3-D convolution with its bias, before the activation; bound to a Conv3DSpec, which has the rule of positions.

        y = conv(x, kernel) + bias

    Shapes: x (T,B,H,W,C), kernel (kt,kh,kw,C/groups,K), bias (K), y (T',B,H',W',K).
    """

    @abstractmethod
    def forward(self, x: ArrayT, kernel: ArrayT, bias: ArrayT) -> ArrayT:
        """Return y, which the caller may overwrite until the next call, by an activation in place."""

    @abstractmethod
    def backward(
        self,
        dy: ArrayT,
        x: ArrayT,
        kernel: ArrayT,
        dkernel: ArrayT | None,
        dbias: ArrayT | None,
        need_dx: bool = True,
    ) -> ArrayT | None:
        """Differentiate: dy (T',B,H',W',K). Writes dkernel and dbias, unless both are None; returns dx if need_dx.

        x is read for dkernel only. Forward saves nothing: any x will do, and backward may come without it. The spec has
        training=True.
        """


class LSTMCell(ABC, Generic[ArrayT]):
    """The gates of one step of a ConvLSTM, at every pixel; a is the activation, s the recurrent one.

        z = z_input + z_recurrent                                     blocks i, f, g, o of F on the last axis
        c = s(z_f) * c_prev + s(z_i) * a(z_g)
        h = s(z_o) * a(c)

    Allocates nothing and returns nothing: shapes are those of the arrays given, wide ones (B,H,W,4F) and narrow ones
    (B,H,W,F).
    """

    @abstractmethod
    def forward(
        self, z_input: ArrayT, z_recurrent: ArrayT, c_prev: ArrayT, gates: ArrayT, c: ArrayT, h: ArrayT
    ) -> None:
        """Write gates (B,H,W,4F), which are s(z_i), s(z_f), a(z_g), s(z_o), and c, h (B,H,W,F)."""

    @abstractmethod
    def backward(
        self,
        dh: ArrayT,
        dh_next: ArrayT,
        dc: ArrayT,
        gates: ArrayT,
        c: ArrayT,
        c_prev: ArrayT,
        dz: ArrayT,
    ) -> None:
        """Differentiate one step: dh, dh_next (B,H,W,F) reach h from above and from the next step, dc (B,H,W,F) c.

        gates and c are what forward wrote. Writes dz (B,H,W,4F), the gradient of both z_input and z_recurrent, and in
        dc's place the gradient of c_prev.
        """


class MaskedCopies(ABC, Generic[ArrayT]):
    """A copy of x for each of G masks, side by side: dropout that differs from gate to gate.

        y[t, ..., g*C + c] = x[t, ..., c] * masks[g, ..., c]

    Bound to the array of masks (G,B,H,W,C), whose contents may change between calls. Shapes: x (T,B,H,W,C),
    y (T,B,H,W,G*C), for any T.
    """

    @abstractmethod
    def forward(self, x: ArrayT, y: ArrayT) -> None:
        """Write y."""

    @abstractmethod
    def backward(self, dy: ArrayT, dx: ArrayT) -> None:
        """Write dx[t, ..., c] = sum over g of dy[t, ..., g*C + c] * masks[g, ..., c]."""


class Permute(ABC, Generic[ArrayT]):
    """The axes of an array of rank 1 to 5 in another order, as numpy.transpose has it; bound to that order."""

    @abstractmethod
    def forward(self, x: ArrayT, y: ArrayT) -> None:
        """Write y: axis k of y is axis axes[k] of x."""

    @abstractmethod
    def backward(self, dy: ArrayT, dx: ArrayT) -> None:
        """Write dx: axis axes[k] of dx is axis k of dy."""


def inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the order of axes that undoes `axes`."""
    return tuple(axes.index(axis) for axis in range(len(axes)))
