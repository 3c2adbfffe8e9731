"""Launches conv_lstm.cu: the buffers of a ConvLSTM layer and the order of its kernels."""

from collections.abc import Mapping
from typing import Any

from kernels.arrays import Array
from kernels.cuda.batch_norm.batch_norm_link import BatchNormLink
from kernels.cuda.common.convert import Inward, Outward
from kernels.cuda.common.precision import gate_dtype, operand_dtype
from kernels.cuda.conv_lstm.convolutions import Convolution, Name
from kernels.cuda.conv_lstm.gathered import conv_lstm_defines
from kernels.cuda.conv_lstm.persistent import Recurrence, persistent_backward, persistent_forward
from kernels.cuda.conv_lstm.weight_gradients import WeightGradients
from kernels.cuda.launch.launch import Program, Runtime, Size
from kernels.cuda.launch.workspace import Workspace
from kernels.cuda.products.binding import count_pixels
from kernels.cuda.products.strategy import Arrays, Products
from kernels.operations import ConvLSTM
from kernels.specs import ConvLSTMSpec


class CudaConvLSTM(ConvLSTM[Array]):
    """One layer bound to a shape: buffers allocated, kernels compiled, grids computed.

    Attributes:
        link: with the BatchNormalization behind it.
        tiles_of_frame: how many blocks share the pixels of a frame, going forward.
    """

    def __init__(
        self,
        runtime: Runtime,
        workspace: Workspace,
        spec: ConvLSTMSpec,
        precision: str,
        recurrence: Recurrence = "auto",
        products: Products = "auto",
    ) -> None:
        self.spec = spec
        count_pixels(spec)
        self._runtime, self._workspace = runtime, workspace
        self._program = Program(runtime, "conv_lstm/conv_lstm.cu", conv_lstm_defines(spec, precision))
        self._precision, self._operands = precision, operand_dtype(precision)
        frame = (spec.B, spec.H, spec.W)
        self._state, self._gates = (*frame, spec.F), (*frame, spec.F, 4)
        self._x, self._sequence = (spec.T, *frame, spec.C), (spec.T, *self._gates)
        self._bias = (4 * spec.F,)
        self.link = BatchNormLink()
        self._products = products
        self._persistent_forward = persistent_forward(runtime, spec, precision, recurrence, products)
        self._allocate_forward()
        self._bind_forward()
        if spec.training:
            self._persistent_backward = persistent_backward(runtime, spec, precision, recurrence, products)
            self._allocate_backward()
            self._bind_backward()
            self._weight_gradients = WeightGradients(runtime, workspace, self._program, spec, precision, products)

    # ------------------------------------------------------------------------------------------------ forward

    def _allocate_forward(self) -> None:
        spec, empty, operands = self.spec, self._runtime.empty, self._operands
        gates = gate_dtype(self._precision)
        # In training the activations replace z where it stands, and stay with every c until backward has used them.
        self._z = empty(self._sequence, gates) if spec.training else self._workspace.array("z", self._sequence, gates)
        self._kept_c = empty((spec.T, *self._state), gates) if spec.training else None
        self.h = empty((spec.T, *self._state), operands)
        self._c = empty(self._state, "float32")
        self._z_frames, self._h_frames = list(self._z), list(self.h)
        self._kept_c_frames = [None] * spec.T if self._kept_c is None else list(self._kept_c)
        self._read_x = Inward(self._runtime, self._x, self._precision, spec.narrow_x)
        self._read_h0 = Inward(self._runtime, self._state, self._precision)
        self._show_h = Outward(self._runtime, self.h.shape, self._precision, spec.narrow_y)
        if spec.T == 1 and not spec.training:
            self._read_state = Inward(self._runtime, self._state, self._precision, spec.narrow_y)
            self._states = [
                (h, c, Outward(self._runtime, self._state, self._precision, spec.narrow_y))
                for h, c in ((self.h[0], self._c), (empty(self._state, operands), empty(self._state, "float32")))
            ]

    def _bind_forward(self) -> None:
        state = self._state
        self._input_forward = self._convolution(
            "input_forward", {"x": self._x, "bias": self._bias, "z": self._sequence}
        )
        if self._persistent_forward is not None:
            self.tiles_of_frame = self._persistent_forward.tiles
            if self.spec.T > 1 or self.spec.training:
                return
        sizes = {"h_prev": state, "z": self._gates, "c_prev": state, "gates": self._gates, "kept_c": state, "c": state}
        sizes |= {"h": state}
        may_be_none = ("h_prev", "c_prev", "gates", "kept_c", "partial")
        self._step_forward = self._convolution("step_forward", sizes, may_be_none, {"partial": (2, self.spec.F)})
        if self._persistent_forward is None:
            self.tiles_of_frame = self._step_forward.tiles

    def forward(
        self,
        x: Array,
        kernel: Array,
        recurrent_kernel: Array,
        bias: Array,
        h0: Array | None = None,
        c0: Array | None = None,
    ) -> tuple[Array, Array]:
        self._input_forward.pack(kernel)
        self._project(x, bias)
        h_prev, c_prev = None if h0 is None else self._read_h0(h0), c0
        if self._persistent_forward is not None:
            kept = self._z, self._kept_c
            self._persistent_forward(recurrent_kernel, h_prev, c_prev, *kept, self._c, self.h, self.link.sums)
        else:
            self._step_forward.pack(recurrent_kernel)
            for t, (z, h, kept_c) in enumerate(zip(self._z_frames, self._h_frames, self._kept_c_frames, strict=True)):
                self._advance(z, h_prev, c_prev, h, self._c, kept_c, earlier=t > 0)
                h_prev, c_prev = h, self._c
        return self._show_h(self.h), self._c

    def step(
        self,
        x: Array,
        h: Array | None,
        c: Array | None,
        kernel: Array,
        recurrent_kernel: Array,
        bias: Array,
        same_weights: bool = False,
    ) -> tuple[Array, Array]:
        if self.spec.T != 1 or self.spec.training:
            raise ValueError(f"spec: expected T=1, training=False for step, got {self.spec}")
        if not same_weights:
            self._input_forward.pack(kernel)
            self._step_forward.pack(recurrent_kernel)
        self._project(x, bias)
        first_h, _, show_first = self._states[0]
        h_next, c_next, show = self._states[1 if h is show_first.known(first_h) else 0]
        self._advance(self._z_frames[0], None if h is None else self._read_state(h), c, h_next, c_next)
        return show(h_next), c_next

    def _project(self, x: Array, bias: Array) -> None:
        self._input_forward(x=self._read_x(x), bias=bias, z=self._z)

    def _advance(
        self,
        z: Array,
        h_prev: Array | None,
        c_prev: Array | None,
        h: Array,
        c: Array,
        kept_c: Array | None = None,
        earlier: bool = False,
    ) -> None:
        gates = None if kept_c is None else z
        self._step_forward(
            h_prev=h_prev, z=z, c_prev=c_prev, gates=gates, kept_c=kept_c, c=c, h=h,
            partial=self.link.sums, earlier=int(earlier),
        )  # fmt: skip

    # ------------------------------------------------------------------------------------------------ backward

    def _allocate_backward(self) -> None:
        empty, operands = self._runtime.empty, self._operands
        self._dz = self._workspace.array("dz", self._sequence, operands)
        self._dz_frames = list(self._dz)
        self._dx = empty(self._x, operands)
        self._read_dh = Inward(self._runtime, self.h.shape, self._precision, self.spec.narrow_y)
        self._show_dx = Outward(self._runtime, self._x, self._precision, self.spec.narrow_x)
        self.dh0, self.dc0 = empty(self._state, "float32"), empty(self._state, "float32")

    def _bind_backward(self) -> None:
        self._input_backward = self._convolution("input_backward", {"dz": self._sequence, "dx": self._x})
        if self._persistent_backward is not None:
            return
        state, gates = self._state, self._gates
        sizes: dict[str, Size] = {"dz_next": gates, "gates": gates, "kept_c": state, "kept_c_prev": state, "c0": state}
        sizes |= {"dh": state, "coefficients": (self.spec.F, 4), "h": state, "dc_next": state}
        sizes |= {"dc": state, "dz": gates}
        may_be_none = ("dz_next", "kept_c_prev", "c0", "coefficients", "h", "dc_next")
        self._step_backward = self._convolution("step_backward", sizes, may_be_none)
        self._initial_state_backward = self._convolution("initial_state_backward", {"dz": gates, "dh0": state})

    def backward(
        self,
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
        dc_last: Array | None = None,
    ) -> tuple[Array | None, Array | None, Array | None]:
        if not self.spec.training:
            raise ValueError(f"spec: expected training=True for backward, got {self.spec}")
        self.link.check_dh(dh)
        dz = self._dz_frames
        dh, x = self._read_dh(dh), self._read_x.known(x)
        if self._persistent_backward is not None:
            gradients = (self.dc0, self.dh0) if need_dstate else (None, None)
            link = self.link.coefficients, self.link.h
            kept: tuple[Array, Any] = self._z, self._kept_c
            self._persistent_backward(recurrent_kernel, *kept, c0, dh, *link, self._dz, dc_last, *gradients)
        else:
            self._step_backward.pack(recurrent_kernel)
            self._retreat(dh, c0, dc_last)
            if need_dstate:
                self._initial_state_backward.pack(recurrent_kernel)
                self._initial_state_backward(dz=dz[0], dh0=self.dh0)
        if need_dx:
            self._input_backward.pack(kernel)
            self._input_backward(dz=self._dz, dx=self._dx)

        h0 = None if h0 is None else self._read_h0.known(h0)
        self._weight_gradients(x, self.h, h0, self._dz, dkernel, drecurrent_kernel, dbias)
        dx = self._show_dx(self._dx) if need_dx else None
        return dx, *((self.dh0, self.dc0) if need_dstate else (None, None))

    def _retreat(self, dh: Array, c0: Array | None, dc_last: Array | None) -> None:
        """dh (T,B,H,W,F), dc_last (B,H,W,F) -> dz, and the gradient of c0 in dc0."""
        for t in reversed(range(self.spec.T)):
            self._step_backward(
                dz_next=self._dz_frames[t + 1] if t + 1 < self.spec.T else None,
                gates=self._z_frames[t],
                kept_c=self._kept_c_frames[t],
                kept_c_prev=self._kept_c_frames[t - 1] if t > 0 else None,
                c0=c0,
                dh=dh[t],
                coefficients=self.link.coefficients,
                h=None if self.link.h is None else self._h_frames[t],
                dc_next=self.dc0 if t + 1 < self.spec.T else dc_last,
                dc=self.dc0,
                dz=self._dz_frames[t],
            )

    # ------------------------------------------------------------------------------------------------ binding

    def _convolution(
        self,
        name: Name,
        sizes: Mapping[str, Size],
        optional: tuple[str, ...] = (),
        of_a_tile: Mapping[str, tuple[int, ...]] | None = None,
    ) -> Convolution:
        arrays = Arrays(sizes, optional, of_a_tile or {})
        return Convolution(
            self._runtime, self._program, name, self.spec, self._precision, self._products, arrays
        )  # fmt: skip
