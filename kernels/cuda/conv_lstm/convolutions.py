"""The convolutions of a ConvLSTM, and the strategies that each is chosen from.

input_forward    x (T,B,H,W,C)            -> z (T,B,H,W,F,4)      over all frames
input_backward   dz (T,B,H,W,F,4)         -> dx (T,B,H,W,C)
step_forward     h of the frame before    -> gates, c, h          one frame, with the cell behind it
step_backward    dz of the frame after    -> dz, dc
initial_state_backward    dz of frame 0   -> dh0             gathered only: few ask for it
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from kernels.arrays import Array
from kernels.cuda.conv_lstm.few_inputs import FewInputs
from kernels.cuda.conv_lstm.gathered import Gathered
from kernels.cuda.conv_lstm.windowed import Warpgroups, Windows
from kernels.cuda.launch.launch import Program, Runtime
from kernels.cuda.products.strategy import PRODUCTS, Arrays, ConvolutionStrategy, Product, Products, choose
from kernels.specs import ConvLSTMSpec

Name = Literal["input_forward", "input_backward", "step_forward", "step_backward", "initial_state_backward"]

STRATEGIES: Mapping[Name, tuple[ConvolutionStrategy, ...]] = {
    "input_forward": (FewInputs(), Warpgroups(), Windows(), Gathered()),
    "input_backward": (Warpgroups(), Windows(), Gathered()),
    "step_forward": (Warpgroups(), Windows(), Gathered()),
    "step_backward": (Warpgroups(), Windows(), Gathered()),
    "initial_state_backward": (Gathered(PRODUCTS),),
}
"""Strategies of each convolution, in the order in which they are asked where `products` names some."""


class Convolution:
    """A convolution bound to a shape: its kernel, and its weights as that wants them.

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
        arrays: Arrays,
    ) -> None:
        """program: the layer's conv_lstm.cu. Raises ValueError where windows are asked for and do not fit."""
        spec = layer if name.startswith("input") else replace(layer, T=1, C=layer.F)
        product = Product(name, spec, precision, runtime.limits)
        strategy = choose(STRATEGIES[name], product, products)
        self._weights = "kernel" if name.startswith("input") else "recurrent_kernel"
        self._bound = strategy.bind(product, runtime, program, arrays)
        self.tiles = self._bound.tiles

    def pack(self, weights: Array) -> None:
        """Take the kernel (kh,kw,C,4F), a step the recurrent kernel (kh,kw,F,4F), for the runs that follow."""
        self._bound.pack(**{self._weights: weights})

    def __call__(self, **arguments: Any) -> None:
        """Run the kernel: arguments are those of its own that this does not know."""
        self._bound.run(**arguments)
