"""Operations that go through time: the ConvLSTM as one, and the cell that it is made of."""

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
        dc_last: ArrayT | None = None,
    ) -> tuple[ArrayT | None, ArrayT | None, ArrayT | None]:
        """Backpropagate through the T steps of the last forward call, with the same arguments.

        dh (T,B,H,W,F) is the gradient that reaches each h_t from above, dc_last (B,H,W,F) that which reaches the last
        c (None: zeros); both are left unchanged. Writes dkernel, drecurrent_kernel, dbias; returns dx (T,B,H,W,C) (None
        unless need_dx), dh0 and dc0 (B,H,W,F) (None unless need_dstate). The spec has training=True.
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
        """Write c, h (B,H,W,F), and gates (B,H,W,4F), what backward needs: s(z_i), s(z_f), a(z_g), s(z_o).

        Where an activation's derivative is of_input (kernels/activations.py), its gates are the z alone.
        """

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
