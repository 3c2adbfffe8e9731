"""Launches conv_lstm.cu: the buffers of a ConvLSTM layer and the order of its kernels."""

from functools import partial
from typing import Any

from kernels.cuda.launch import Program, Runtime
from kernels.cuda.source import Constant
from kernels.cuda.tiles import ConvTile, GradientTile, ceil_div, conv_tile, gradient_tile, round_up
from kernels.cuda.workspace import Workspace
from kernels.specs import HARD_SIGMOID_SLOPE, ConvLSTMSpec

Array = Any

PACK_THREADS = 256


class Tiles:
    """The six products of a layer."""

    def __init__(self, spec: ConvLSTMSpec) -> None:
        taps, gates = spec.kh * spec.kw, 4 * spec.F
        gate_columns = round_up(spec.F, 4) * 4
        self.input_forward = conv_tile(taps * spec.C, gate_columns, paired=True)
        self.step_forward = conv_tile(taps * spec.F, gate_columns, paired=True)
        self.input_backward = conv_tile(taps * gates, spec.C)
        self.step_backward = conv_tile(taps * gates, spec.F)
        self.kernel_gradient = gradient_tile(taps * spec.C + 1, gates)
        self.recurrent_gradient = gradient_tile(taps * spec.F, gates)

    def defines(self) -> dict[str, Constant]:
        return {name.upper(): tile.arguments for name, tile in vars(self).items()}


def conv_lstm_defines(spec: ConvLSTMSpec, precision: str) -> dict[str, Constant]:
    """The constants of conv_lstm.cu; frame sizes, frames and batch are arguments and cost no compilation."""
    return {
        "SPEC_C": spec.C,
        "SPEC_F": spec.F,
        "SPEC_KH": spec.kh,
        "SPEC_KW": spec.kw,
        "GATE_SLOPE": HARD_SIGMOID_SLOPE.get(spec.recurrent_activation, 0.0),
        "TF32": precision == "tf32",
        **Tiles(spec).defines(),
    }


class ConvLSTMPlan:
    """One layer bound to a shape: buffers allocated, kernels compiled, grids computed."""

    def __init__(self, runtime: Runtime, workspace: Workspace, spec: ConvLSTMSpec, precision: str) -> None:
        self.spec = spec
        self._runtime, self._workspace = runtime, workspace
        self._program = Program(runtime, "conv_lstm.cu", conv_lstm_defines(spec, precision))
        self._tiles = Tiles(spec)
        frame = (spec.B, spec.H, spec.W)
        self._state, self._gates = (*frame, spec.F), (*frame, spec.F, 4)
        self._movie = (spec.T, *frame, spec.C)
        self._weights = {
            "kernel": (spec.kh, spec.kw, spec.C, 4 * spec.F),
            "recurrent_kernel": (spec.kh, spec.kw, spec.F, 4 * spec.F),
        }
        self._bind_forward()
        if spec.training:
            self._bind_backward()

    # ------------------------------------------------------------------------------------------------ forward

    def _bind_forward(self) -> None:
        spec, tiles, empty = self.spec, self._tiles, self._runtime.empty
        state, gates, movie = self._state, self._gates, self._movie
        sequence = (spec.T, *gates)
        # In training the activations replace z where it stands, and stay until backward has used them.
        self._z = empty(sequence, "float32") if spec.training else self._workspace.array("z", sequence)
        self.h = empty((spec.T, *state), "float32")
        self.c = empty((spec.T if spec.training else 1, *state), "float32")
        self._z_frames, self._h_frames = list(self._z), list(self.h)
        self._c_frames = list(self.c) if spec.training else [self.c[0]] * spec.T
        self._packed_kernel = empty(tiles.input_forward.packed_shape, "float32")
        self._packed_recurrent = empty(tiles.step_forward.packed_shape, "float32")
        if spec.T == 1 and not spec.training:
            self._states = [(self.h[0], self.c[0]), (empty(state, "float32"), empty(state, "float32"))]

        self._pack_forward = self._packer("pack_forward", tiles.input_forward, tiles.step_forward)
        self._input_forward = self._convolution(
            "input_forward",
            tiles.input_forward,
            {"x": movie, "packed_kernel": tiles.input_forward.packed_shape, "bias": (4 * spec.F,), "z": sequence},
            frames=spec.T,
        )
        self._step_forward = self._convolution(
            "step_forward",
            tiles.step_forward,
            {"h_prev": state, "packed_recurrent": tiles.step_forward.packed_shape, "z": gates}
            | {"c_prev": state, "gates": gates, "c": state, "h": state},
            optional=("h_prev", "c_prev", "gates"),
        )

    def forward(
        self,
        x: Array,
        kernel: Array,
        recurrent_kernel: Array,
        bias: Array,
        h0: Array | None,
        c0: Array | None,
    ) -> tuple[Array, Array]:
        """x (T,B,H,W,C) -> h (T,B,H,W,F), last c (B,H,W,F); see Backend.conv_lstm_forward."""
        self._project(x, kernel, recurrent_kernel, bias)
        h_prev, c_prev = h0, c0
        for z, h, c in zip(self._z_frames, self._h_frames, self._c_frames, strict=True):
            self._advance(z, h_prev, c_prev, h, c)
            h_prev, c_prev = h, c
        return self.h, self._c_frames[-1]

    def step(
        self, x: Array, h: Array, c: Array, kernel: Array, recurrent_kernel: Array, bias: Array
    ) -> tuple[Array, Array]:
        """x (B,H,W,C), h, c (B,H,W,F) -> the next h, c; see Backend.conv_lstm_step."""
        if self.spec.T != 1 or self.spec.training:
            raise ValueError(f"plan: expected one of T=1, training=False, got {self.spec}")
        self._project(x, kernel, recurrent_kernel, bias)
        self._states.reverse()
        h_next, c_next = self._states[0]
        self._advance(self._z_frames[0], h, c, h_next, c_next)
        return h_next, c_next

    def _project(self, x: Array, kernel: Array, recurrent_kernel: Array, bias: Array) -> None:
        packed = {"packed_kernel": self._packed_kernel, "packed_recurrent": self._packed_recurrent}
        self._pack_forward(kernel=kernel, recurrent_kernel=recurrent_kernel, **packed)
        self._input_forward(x=x, packed_kernel=self._packed_kernel, bias=bias, z=self._z)

    def _advance(self, z: Array, h_prev: Array | None, c_prev: Array | None, h: Array, c: Array) -> None:
        gates = z if self.spec.training else None
        self._step_forward(
            h_prev=h_prev, packed_recurrent=self._packed_recurrent, z=z, c_prev=c_prev, gates=gates, c=c, h=h
        )

    # ------------------------------------------------------------------------------------------------ backward

    def _bind_backward(self) -> None:
        spec, tiles, empty = self.spec, self._tiles, self._runtime.empty
        state, gates, movie = self._state, self._gates, self._movie
        sequence = (spec.T, *gates)
        self._dz = self._workspace.array("dz", sequence)
        self._dz_frames = list(self._dz)
        self.dx, self.dh0, self.dc0 = empty(movie, "float32"), empty(state, "float32"), empty(state, "float32")
        self._packed_kernel_back = empty(tiles.input_backward.packed_shape, "float32")
        self._packed_recurrent_back = empty(tiles.step_backward.packed_shape, "float32")

        recurrent_packed = tiles.step_backward.packed_shape
        self._pack_backward = self._packer("pack_backward", tiles.input_backward, tiles.step_backward)
        self._step_backward = self._convolution(
            "step_backward",
            tiles.step_backward,
            {"dz_next": gates, "packed_recurrent": recurrent_packed, "gates": gates, "c": state}
            | {"c_prev": state, "dh": state, "dc": state, "dz": gates},
            optional=("dz_next", "c_prev"),
        )
        self._initial_state_backward = self._convolution(
            "initial_state_backward",
            tiles.step_backward,
            {"dz": gates, "packed_recurrent": recurrent_packed, "dh0": state},
        )
        self._input_backward = self._convolution(
            "input_backward",
            tiles.input_backward,
            {"dz": sequence, "packed_kernel": tiles.input_backward.packed_shape, "dx": movie},
            frames=spec.T,
        )

        # The recurrent kernel met h of the frames before the last one, and h0 if there was one: two launches, whose
        # slices are summed together.
        pixels = spec.B * spec.H * spec.W
        self._kernel_slices, _ = tiles.kernel_gradient.slices(spec.T * pixels)
        self._state_slices = tiles.recurrent_gradient.slices((spec.T - 1) * pixels)[0] if spec.T > 1 else 0
        self._initial_slices, _ = tiles.recurrent_gradient.slices(pixels)
        self._kernel_partial = self._partial(tiles.kernel_gradient, self._kernel_slices)
        self._recurrent_partial = self._partial(tiles.recurrent_gradient, self._state_slices + self._initial_slices)
        kernel_sizes = {"x": movie, "dz": sequence, "partial": self._kernel_partial.shape}
        self._kernel_gradient = self._gradient("kernel_gradient", tiles.kernel_gradient, kernel_sizes, spec.T)
        later = {"h": (spec.T - 1, *state), "dz": (spec.T - 1, *gates), "partial": self._recurrent_partial.shape}
        first = {"h": state, "dz": gates, "partial": self._recurrent_partial.shape}
        if spec.T > 1:
            self._state_gradient = self._gradient(
                "recurrent_gradient", tiles.recurrent_gradient, later, spec.T - 1, slice_offset=0
            )
        self._initial_gradient = self._gradient(
            "recurrent_gradient", tiles.recurrent_gradient, first, 1, slice_offset=self._state_slices
        )
        dbias, (dkernel, drecurrent) = (4 * spec.F,), self._weights.values()
        self._sum_kernel = self._summation(
            "sum_kernel_gradient", {"partial": self._kernel_partial.shape, "dkernel": dkernel, "dbias": dbias}
        )
        self._sum_recurrent = self._summation(
            "sum_recurrent_gradient", {"partial": self._recurrent_partial.shape, "drecurrent_kernel": drecurrent}
        )

    def backward(
        self,
        dh: Array,
        x: Array,
        kernel: Array,
        recurrent_kernel: Array,
        dkernel: Array,
        drecurrent_kernel: Array,
        dbias: Array,
        h0: Array | None,
        c0: Array | None,
        need_dx: bool,
    ) -> tuple[Array | None, Array, Array]:
        """dh (T,B,H,W,F) -> dx (T,B,H,W,C) or None, dh0, dc0 (B,H,W,F); see Backend.conv_lstm_backward."""
        if not self.spec.training:
            raise ValueError(f"plan: expected one with training=True, got {self.spec}")
        packed_recurrent, dz = self._packed_recurrent_back, self._dz_frames
        packed = {"packed_kernel": self._packed_kernel_back, "packed_recurrent": packed_recurrent}
        self._pack_backward(kernel=kernel, recurrent_kernel=recurrent_kernel, **packed)
        for t in reversed(range(self.spec.T)):
            self._step_backward(
                dz_next=dz[t + 1] if t + 1 < self.spec.T else None,
                packed_recurrent=packed_recurrent,
                gates=self._z_frames[t],
                c=self._c_frames[t],
                c_prev=self._c_frames[t - 1] if t > 0 else c0,
                dh=dh[t],
                dc=self.dc0,
                dz=dz[t],
            )
        self._initial_state_backward(dz=dz[0], packed_recurrent=packed_recurrent, dh0=self.dh0)
        if need_dx:
            self._input_backward(dz=self._dz, packed_kernel=self._packed_kernel_back, dx=self.dx)

        self._kernel_gradient(x=x, dz=self._dz, partial=self._kernel_partial)
        self._sum_kernel(partial=self._kernel_partial, dkernel=dkernel, dbias=dbias, slices=self._kernel_slices)
        if self.spec.T > 1:
            self._state_gradient(h=self.h[:-1], dz=self._dz[1:], partial=self._recurrent_partial)
        if h0 is not None:
            self._initial_gradient(h=h0, dz=dz[0], partial=self._recurrent_partial)
        slices = self._state_slices + (self._initial_slices if h0 is not None else 0)
        self._sum_recurrent(partial=self._recurrent_partial, drecurrent_kernel=drecurrent_kernel, slices=slices)
        return (self.dx if need_dx else None), self.dh0, self.dc0

    # ------------------------------------------------------------------------------------------------ binding

    def _packer(self, name: str, kernel_tile: ConvTile, recurrent_tile: ConvTile) -> Any:
        sizes = self._weights | {
            "packed_kernel": kernel_tile.packed_shape,
            "packed_recurrent": recurrent_tile.packed_shape,
        }
        largest = max(tile.packed_shape[0] * tile.packed_shape[1] for tile in (kernel_tile, recurrent_tile))
        return partial(self._program.kernel(name, sizes), (ceil_div(largest, PACK_THREADS),), (PACK_THREADS,))

    def _convolution(
        self, name: str, tile: ConvTile, sizes: dict[str, Any], frames: int = 1, optional: tuple[str, ...] = ()
    ) -> Any:
        spec = self.spec
        return partial(
            self._program.kernel(name, sizes, optional),
            tile.grid(frames * spec.B * spec.H * spec.W),
            (tile.warps.threads,),
            shared_bytes=tile.shared_bytes,
            images=frames * spec.B,
            height=spec.H,
            width=spec.W,
        )

    def _partial(self, tile: GradientTile, slices: int) -> Array:
        return self._workspace.array("partial", (slices, tile.rows, tile.columns))

    def _gradient(self, name: str, tile: GradientTile, sizes: dict[str, Any], frames: int, **constants: Any) -> Any:
        spec = self.spec
        slices, chunks_per_slice = tile.slices(frames * spec.B * spec.H * spec.W)
        return partial(
            self._program.kernel(name, sizes),
            tile.grid(slices),
            (tile.warps.threads,),
            shared_bytes=tile.shared_bytes,
            images=frames * spec.B,
            height=spec.H,
            width=spec.W,
            chunks_per_slice=chunks_per_slice,
            **constants,
        )

    def _summation(self, name: str, sizes: dict[str, Any]) -> Any:
        elements = sizes["partial"][1] * sizes["partial"][2]
        return partial(self._program.kernel(name, sizes), (ceil_div(elements, PACK_THREADS),), (PACK_THREADS,))
