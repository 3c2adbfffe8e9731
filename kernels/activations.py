"""The activations: one entry each, from which back ends, exporter and tests take what they need.

To add one: an entry here, and its functions in kernels/reference/elementwise.py, kernels/cpu/pointwise/elementwise.py
and kernels/cuda/common/activations.cuh. A back end without them refuses it by name.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from kernels.arrays import ArrayT_contra

Activation = str
"""A name in ACTIVATIONS."""


@dataclass(frozen=True)
class ActivationEntry:
    """An elementwise function y of z, whose derivative can be written in terms of y.

    Attributes:
        code: the number that compiled kernels know it by.
        formula: a statement that makes y from z.
        derivative: an expression in y; 0 at a corner.
        low, high: bounds of y.
        onnx: the ONNX operator.
        attributes: of that operator.
        slope: s of a hard sigmoid, clip(s z + 1/2, 0, 1); 0 for all others.
        is_gate: whether the ConvLSTM operation takes it for its gates.
    """

    code: int
    formula: str
    derivative: str
    low: float
    high: float
    onnx: str
    attributes: Mapping[str, float] = field(default_factory=dict)
    slope: float = 0.0
    is_gate: bool = False


def _hard_sigmoid(code: int, slope: float) -> ActivationEntry:
    return ActivationEntry(
        code,
        formula=f"y = clip({slope!r} * z + 0.5, 0, 1)",
        derivative=f"where((y > 0) & (y < 1), {slope!r}, 0)",
        low=0.0,
        high=1.0,
        onnx="HardSigmoid",
        attributes={"alpha": slope, "beta": 0.5},
        slope=slope,
        is_gate=True,
    )


ACTIVATIONS: dict[Activation, ActivationEntry] = {
    "linear": ActivationEntry(0, "y = z", "1", -math.inf, math.inf, "Identity"),
    "sigmoid": ActivationEntry(1, "y = 1 / (1 + exp(-z))", "y * (1 - y)", 0.0, 1.0, "Sigmoid", is_gate=True),
    "tanh": ActivationEntry(2, "y = tanh(z)", "1 - y**2", -1.0, 1.0, "Tanh"),
    "relu": ActivationEntry(3, "y = maximum(z, 0)", "where(y > 0, 1, 0)", 0.0, math.inf, "Relu"),
    "hard_sigmoid": _hard_sigmoid(4, 0.2),
    "hard_sigmoid_keras3": _hard_sigmoid(5, 1.0 / 6.0),
}
"""By name. Keras 2's hard sigmoid has slope 0.2, Keras 3's 1/6 under the same name."""

GATES = tuple(name for name, entry in ACTIVATIONS.items() if entry.is_gate)
"""What ConvLSTMSpec.recurrent_activation may be."""

HARD_SIGMOID_SLOPE: dict[Activation, float] = {name: entry.slope for name, entry in ACTIVATIONS.items() if entry.slope}
"""Slopes of the hard sigmoids."""


class ActivationOperation(Protocol[ArrayT_contra]):
    """An activation on a back end; arrays of any one shape."""

    def forward(self, z: ArrayT_contra, y: ArrayT_contra) -> None:
        """y = activation(z); y may be z itself."""

    def backward(self, y: ArrayT_contra, dy: ArrayT_contra, dz: ArrayT_contra) -> None:
        """dz = dy * activation'(z), written in terms of the output y; dz may be dy itself."""
