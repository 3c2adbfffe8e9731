"""Launches persistent_forward.cu and persistent_backward.cu: the recurrence of a ConvLSTM, one launch each way."""

from functools import partial
from math import prod
from typing import Any, Literal

from kernels.arrays import Array
from kernels.cuda.common.precision import operand_dtype
from kernels.cuda.conv_lstm.persistent_tiles import (
    Tile,
    backward_front,
    backward_tile,
    blocks_of,
    forward_front,
    forward_tile,
)
from kernels.cuda.launch.launch import Kernel, Program, Runtime
from kernels.cuda.products.binding import bind_elements, cell_defines
from kernels.cuda.products.strategy import Products, sizes_of
from kernels.specs import ConvLSTMSpec

Recurrence = Literal["auto", "persistent", "steps"]
RECURRENCES = ("auto", "persistent", "steps")


class _Persistent:
    """A recurrence bound to a shape: program, packed weights and flags.

    Attributes:
        grid: blocks of pixels, and of filters.
        tiles: of pixels; a block may have more than one.
    """

    def __init__(
        self,
        runtime: Runtime,
        spec: ConvLSTMSpec,
        precision: str,
        name: str,
        tile: Tile,
        front: int,
        sizes: Any,
        optional: Any,
    ) -> None:
        self.tile, self._runtime = tile, runtime
        defines = cell_defines(spec, precision) | {"TILE": tile.kind, name.upper(): tile.arguments}
        program = Program(runtime, f"conv_lstm/persistent_{name}.cu", defines)
        weights, packed = (spec.kh, spec.kw, spec.F, 4 * spec.F), tile.packed_shape
        self._packed = runtime.empty(packed, operand_dtype(precision))
        self._pack = partial(
            bind_elements(
                program,
                f"pack_persistent_{name}",
                prod(packed),
                {"recurrent_kernel": weights, "packed": packed},
            ),
            packed=self._packed,
            groups=tile.shares,
        )
        self.grid, self._shared_bytes = blocks_of(spec, tile), front + tile.shared_bytes(spec.W)
        blocks = self.grid[0] * self.grid[1]
        self.tiles = tile.tiles(spec.B, spec.H, spec.W)
        # The second half counts what the blocks of a tile have handed each other.
        flags = self.tiles * tile.shares * (1 if tile.exchange_shape is None else 2)
        self.flags = runtime.zeros((flags,), "uint32")
        self._kernel: Kernel = program.kernel(
            f"persistent_{name}", sizes | {"packed": packed, "flags": flags}, optional
        )
        self.fits = self._kernel.coresident_blocks(tile.threads, self._shared_bytes) >= blocks
        self._frames = {"steps": spec.T, "images": spec.B, "height": spec.H, "width": spec.W}

    def _run(self, recurrent_kernel: Array, **arguments: Any) -> None:
        self._pack(recurrent_kernel=recurrent_kernel)
        self._kernel(
            self.grid,
            (self.tile.threads,),
            shared_bytes=self._shared_bytes,
            cooperative=True,
            packed=self._packed,
            flags=self.flags,
            **self._frames,
            **arguments,
        )


class PersistentForward(_Persistent):
    """All steps of h's recurrence."""

    def __init__(self, runtime: Runtime, spec: ConvLSTMSpec, precision: str, tile: Tile) -> None:
        state = (spec.B, spec.H, spec.W, spec.F)
        sequence = (spec.T, *state)
        sizes = {"h0": state, "z": (*sequence, 4), "c0": state, "kept_c": sequence, "c": state, "h": sequence}
        sizes |= {"partial": (tile.tiles(spec.B, spec.H, spec.W), 2, spec.F)}
        optional = ("h0", "c0", "kept_c", "partial")
        super().__init__(runtime, spec, precision, "forward", tile, forward_front(tile), sizes, optional)

    def __call__(
        self,
        recurrent_kernel: Array,
        h0: Array | None,
        c0: Array | None,
        z: Array,
        kept_c: Array | None,
        c: Array,
        h: Array,
        sums: Array | None = None,
    ) -> None:
        """z (T,B,H,W,F,4) -> h (T,B,H,W,F), the last c (B,H,W,F); with kept_c (T,B,H,W,F) z -> the gates, and all c.

        sums (tiles of a frame, 2, F), for a linked BatchNormalization: of h and of its squares.
        """
        self._run(recurrent_kernel, h0=h0, c0=c0, z=z, kept_c=kept_c, c=c, h=h, partial=sums)


class PersistentBackward(_Persistent):
    """All steps of dz's recurrence."""

    def __init__(self, runtime: Runtime, spec: ConvLSTMSpec, precision: str, tile: Tile) -> None:
        state = (spec.B, spec.H, spec.W, spec.F)
        sequence, gates = (spec.T, *state), (spec.T, *state, 4)
        sizes: dict[str, Any] = {"gates": gates, "kept_c": sequence, "c0": state, "dh": sequence, "dz": gates}
        sizes |= {"dc_last": state, "dc0": state, "dh0": state, "coefficients": (spec.F, 4), "h": sequence}
        exchange = tile.exchange_shape and (tile.tiles(spec.B, spec.H, spec.W), *tile.exchange_shape)
        self._exchange = exchange and runtime.empty(exchange, "float32")
        sizes["exchange"] = exchange or 0
        optional = ("c0", "coefficients", "h", "dc_last", "dc0", "dh0", "exchange")
        super().__init__(runtime, spec, precision, "backward", tile, backward_front(tile), sizes, optional)

    def __call__(
        self,
        recurrent_kernel: Array,
        gates: Array,
        kept_c: Array,
        c0: Array | None,
        dh: Array,
        coefficients: Array | None,
        h: Array | None,
        dz: Array,
        dc_last: Array | None,
        dc0: Array | None,
        dh0: Array | None,
    ) -> None:
        """dh (T,B,H,W,F) and dc_last (B,H,W,F) -> dz (T,B,H,W,F,4), and dh0, dc0 (B,H,W,F) unless both are None.

        coefficients (F, 4), h (T,B,H,W,F), unless both are None: of a linked BatchNormalization, whose dy dh then is.
        """
        self._run(
            recurrent_kernel, gates=gates, kept_c=kept_c, c0=c0, dh=dh, coefficients=coefficients, h=h, dz=dz,
            dc_last=dc_last, dc0=dc0, dh0=dh0, exchange=self._exchange,
        )  # fmt: skip


def persistent_forward(
    runtime: Runtime, spec: ConvLSTMSpec, precision: str, recurrence: Recurrence, products: Products
) -> PersistentForward | None:
    """The persistent recurrence where `recurrence` and docs/cuda/recurrence.md choose it; None: step by step.

    Raises ValueError when it must be persistent and does not fit on the device.
    """
    tile = _tile(forward_tile, runtime, spec, precision, recurrence, products)
    plan = None if tile is None else PersistentForward(runtime, spec, precision, tile)
    return _fitting(plan, spec, recurrence)


def persistent_backward(
    runtime: Runtime, spec: ConvLSTMSpec, precision: str, recurrence: Recurrence, products: Products
) -> PersistentBackward | None:
    """Plan the backward recurrence in one launch; None where it goes step by step."""
    tile = _tile(backward_tile, runtime, spec, precision, recurrence, products)
    plan = None if tile is None else PersistentBackward(runtime, spec, precision, tile)
    return _fitting(plan, spec, recurrence)


def _tile(
    choose: Any, runtime: Runtime, spec: ConvLSTMSpec, precision: str, recurrence: Recurrence, products: Products
) -> Tile | None:
    if recurrence == "steps" or (recurrence == "auto" and spec.T == 1):
        return None
    return choose(sizes_of(spec, T=1, C=spec.F), precision, runtime.limits, products)


def _fitting(plan: Any, spec: ConvLSTMSpec, recurrence: Recurrence) -> Any:
    if plan is not None and plan.fits:
        return plan
    if recurrence == "persistent":
        raise ValueError(f"recurrence: expected one that fits on the device, got 'persistent' for {spec}")
    return None
