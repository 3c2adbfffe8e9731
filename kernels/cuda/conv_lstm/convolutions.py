"""The convolutions of a ConvLSTM, each by the kernel that product_tiles.py chooses: with windows in shared memory
(windowed_*.cu), or gathered (conv_lstm.cu); that of an input with few channels by few_inputs.cu.

    input_forward    x (T,B,H,W,C)            -> z (T,B,H,W,F,4)      over all frames
    input_backward   dz (T,B,H,W,F,4)         -> dx (T,B,H,W,C)
    step_forward     h of the frame before    -> gates, c, h          one frame, with the cell behind it
    step_backward    dz of the frame after    -> dz, dc
    initial_state_backward    dz of frame 0   -> dh0             gathered only: few ask for it
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import prod
from types import MappingProxyType
from typing import Any, Literal

from kernels.cuda.common.precision import operand_dtype
from kernels.cuda.conv_lstm import few_inputs
from kernels.cuda.launch.launch import Program, Runtime, Size
from kernels.cuda.products.binding import Launch, bind_convolution, bind_elements, cell_defines
from kernels.cuda.products.product_kinds import Products
from kernels.cuda.products.product_tiles import front_bytes, windowed_grid, windowed_tile
from kernels.cuda.products.tiles import ConvTile
from kernels.specs import ConvLSTMSpec

Array = Any
Name = Literal["input_forward", "input_backward", "step_forward", "step_backward", "initial_state_backward"]


def weights_of(name: Name) -> str:
    """The convolution whose packed weights it reads, and whose tile it has, where it is gathered."""
    return "step_backward" if name == "initial_state_backward" else name


class Convolution:
    """One of them bound to a shape: its kernel, and its weights as that wants them.

    Attributes:
        tiles: of BM pixels, that it cuts its pixels into.
    """

    def __init__(
        self,
        runtime: Runtime,
        program: Program,
        name: Name,
        layer: ConvLSTMSpec,
        precision: str,
        products: Products,
        gathered: ConvTile,
        sizes: Mapping[str, Size],
        optional: Sequence[str] = (),
        of_a_tile: Mapping[str, tuple[int, ...]] = MappingProxyType({}),
    ) -> None:
        """program, gathered: conv_lstm.cu, and the tile it was compiled for. sizes, optional: of the kernel's arrays;
        of_a_tile: the shapes of what it writes for each of its tiles.

        Raises ValueError where windows are asked for and do not fit on the device.
        """
        spec = layer if name.startswith("input") else replace(layer, T=1, C=layer.F)
        pixels = spec.T * spec.B * spec.H * spec.W
        self._weights = "kernel" if name.startswith("input") else "recurrent_kernel"
        self._shape = (spec.kh, spec.kw, spec.C, 4 * spec.F)
        self._pack: Launch
        self._run: Launch
        if products == "auto" and name == "input_forward" and few_inputs.has_few_inputs(spec):
            self.tiles, self._pack, self._run = few_inputs.bind_forward(runtime, spec, precision, sizes)
            return
        frames: dict[str, Any] = {"images": spec.T * spec.B, "height": spec.H, "width": spec.W}
        ways: Products = "gathered" if name == "initial_state_backward" else products
        packed: tuple[int, ...]
        tile = windowed_tile(name, spec, precision, ways, gathered, runtime.limits)
        if tile is None:
            self.tiles, packed = gathered.grid(pixels)[0], gathered.packed_shape
        else:
            self.tiles, packed = tile.tiles(spec.T * spec.B, spec.H, spec.W), tile.packed_shape
        sizes = {**sizes, "packed": packed, **{key: (self.tiles, *shape) for key, shape in of_a_tile.items()}}
        if tile is None:
            pack = self._bind_pack(program, weights_of(name), packed)
            run = bind_convolution(program, name, gathered, pixels, sizes, tuple(optional), **frames)
        else:
            constants = cell_defines(spec, precision) | {
                "SPEC_C": spec.C,
                "TILE": tile.kind,
                name.upper(): tile.arguments,
            }
            program = Program(runtime, f"conv_lstm/windowed_{name}.cu", constants)
            pack = partial(self._bind_pack(program, f"windowed_{name}", packed), groups=tile.groups)
            run = partial(
                program.kernel(f"windowed_{name}", sizes, optional),
                windowed_grid(spec, tile, runtime.limits),
                (tile.threads,),
                shared_bytes=front_bytes(name, tile) + tile.shared_bytes(spec.W),
                **frames,
            )
        self._packed = runtime.empty(packed, operand_dtype(precision))
        self._pack = partial(pack, packed=self._packed)
        self._run = partial(run, packed=self._packed)

    def pack(self, weights: Array) -> None:
        """Take the kernel (kh,kw,C,4F), a step the recurrent kernel (kh,kw,F,4F), for the runs that follow."""
        self._pack(**{self._weights: weights})

    def __call__(self, **arguments: Any) -> None:
        """Run the kernel: arguments are those of its own that this does not know."""
        self._run(**arguments)

    def _bind_pack(self, program: Program, name: str, packed: tuple[int, ...]) -> Launch:
        return bind_elements(program, f"pack_{name}", prod(packed), {self._weights: self._shape, "packed": packed})
