"""What the strategies count for a ConvLSTM's convolutions in each way: microseconds, not measured."""

from dataclasses import replace

from kernels.cuda.conv_lstm.gathered import Gathered
from kernels.cuda.conv_lstm.windowed import Warpgroups, Windows
from kernels.cuda.launch.dry_runtime import H200
from kernels.cuda.products.strategy import ConvolutionStrategy, Product
from kernels.specs import ConvLSTMSpec

CLOCKS_PER_US = 1830.0
"""Clock rate of an H200."""

LAYERS = {
    "40 -> 40, 40x40, batch 10, 15 frames": ConvLSTMSpec(T=15, B=10, H=40, W=40, C=40, F=40, kh=3, kw=3),
    "64 -> 64, 256x256, batch 8, 10 frames": ConvLSTMSpec(T=10, B=8, H=256, W=256, C=64, F=64, kh=3, kw=3),
    "40 -> 40, 40x40, one frame of one track": ConvLSTMSpec(
        T=1, B=1, H=40, W=40, C=40, F=40, kh=3, kw=3, training=False
    ),
}

CONVOLUTIONS = ("input_forward", "input_backward", "step_forward", "step_backward")


Costs = tuple[float | None, ...]
"""Cost of one convolution: gathered, by the cheapest window that fits, on warpgroup products; None: nothing fits."""


WAYS: tuple[ConvolutionStrategy, ...] = (Gathered(), Windows(), Warpgroups())


def product_costs(layer: ConvLSTMSpec, precision: str) -> dict[str, Costs]:
    """For each convolution what it costs on an H200; those with mma.sync and FFMA times BEYOND_COUNT."""
    found: dict[str, Costs] = {}
    for name in CONVOLUTIONS:
        product = Product(name, layer if name.startswith("input") else replace(layer, T=1, C=layer.F), precision, H200)
        costs = [each.cost(product) / CLOCKS_PER_US if each.fits(product) else None for each in WAYS]
        found[name] = tuple(costs)
    return found
