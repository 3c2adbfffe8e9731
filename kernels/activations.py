"""The activations: one entry each, from which back ends, exporter and tests take what they need.

To add one: an entry here, and its functions in kernels/reference/elementwise.py, kernels/cpu/pointwise/elementwise.py
and kernels/cuda/common/activations.cuh. A back end without them refuses it by name.

An activation with parameters other than its defaults is a text too: "leaky_relu(negative_slope=0.3)". So everything
that holds an activation, from a layer's config to a spec of kernels, holds a plain string.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

from kernels.arrays import ArrayT_contra

Activation = str
"""A name in ACTIVATIONS, with parameters behind it in parentheses where they are not the defaults (see `parsed`)."""

MOST_PARAMETERS = 3
"""What kernels make room for."""


@dataclass(frozen=True)
class ActivationEntry:
    """An elementwise function y of z, whose derivative can be written in terms of y, or is written in terms of z.

    Attributes:
        code: the number that compiled kernels know it by.
        formula: a statement that makes y from z and the parameters.
        derivative: an expression in y and the parameters, or with of_input in z and them; 0 at most corners.
        low, high: bounds of y, with the default parameters.
        onnx: the ONNX operator; "" where it takes several (export/layers/activations.py).
        attributes: of that operator: a number, or the parameter that it is.
        slope: s of a hard sigmoid, clip(s z + 1/2, 0, 1); 0 for all others.
        is_gate: whether the ConvLSTM operation takes it for its gates.
        parameters: their names and defaults, at most MOST_PARAMETERS, none below 0.
        of_input: whether backward is given z instead of y, so that z must be kept.
    """

    code: int
    formula: str
    derivative: str
    low: float
    high: float
    onnx: str
    attributes: Mapping[str, float | str] = field(default_factory=dict)
    slope: float = 0.0
    is_gate: bool = False
    parameters: Mapping[str, float] = field(default_factory=dict)
    of_input: bool = False


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


SELU_SCALE, SELU_ALPHA = 1.05070098735548049342, 1.67326324235437728482
"""Klambauer et al. 2017: mean 0 and variance 1 are then a fixed point of layers."""

GELU_TANH_SCALE, GELU_TANH_CUBE = math.sqrt(2.0 / math.pi), 0.044715
"""Hendrycks and Gimpel 2016."""

_SELU = f"{SELU_SCALE!r} * where(z > 0, z, {SELU_ALPHA!r} * (exp(minimum(z, 0)) - 1))"
_GELU_TANH = f"tanh({GELU_TANH_SCALE!r} * (z + {GELU_TANH_CUBE} * z**3))"
_DENSITY = f"exp(-z**2 / 2) * {1.0 / math.sqrt(2.0 * math.pi)!r}"

ACTIVATIONS: dict[str, ActivationEntry] = {
    "linear": ActivationEntry(0, "y = z", "1", -math.inf, math.inf, "Identity"),
    "sigmoid": ActivationEntry(1, "y = 1 / (1 + exp(-z))", "y * (1 - y)", 0.0, 1.0, "Sigmoid", is_gate=True),
    "tanh": ActivationEntry(2, "y = tanh(z)", "1 - y**2", -1.0, 1.0, "Tanh"),
    "relu": ActivationEntry(3, "y = maximum(z, 0)", "where(y > 0, 1, 0)", 0.0, math.inf, "Relu"),
    "hard_sigmoid": _hard_sigmoid(4, 0.2),
    "hard_sigmoid_keras3": _hard_sigmoid(5, 1.0 / 6.0),
    "leaky_relu": ActivationEntry(
        code=6,
        formula="y = where(z > 0, z, negative_slope * z)",
        derivative="where(y > 0, 1, negative_slope)",
        low=-math.inf,
        high=math.inf,
        onnx="LeakyRelu",
        attributes={"alpha": "negative_slope"},
        parameters={"negative_slope": 0.2},
    ),
    "clipped_relu": ActivationEntry(
        code=7,
        formula="y = minimum(where(z < threshold, 0, z), max_value) + negative_slope * minimum(z - threshold, 0)",
        derivative="where(y > 0, where(y < max_value, 1, 0), negative_slope)",
        low=0.0,
        high=6.0,
        onnx="",
        parameters={"max_value": 6.0, "negative_slope": 0.0, "threshold": 0.0},
    ),
    "elu": ActivationEntry(
        code=8,
        formula="y = where(z > 0, z, alpha * (exp(minimum(z, 0)) - 1))",
        derivative="where(y > 0, 1, y + alpha)",
        low=-1.0,
        high=math.inf,
        onnx="Elu",
        attributes={"alpha": "alpha"},
        parameters={"alpha": 1.0},
    ),
    "selu": ActivationEntry(
        code=9,
        formula=f"y = {_SELU}",
        derivative=f"where(y > 0, {SELU_SCALE!r}, y + {SELU_SCALE * SELU_ALPHA!r})",
        low=-SELU_SCALE * SELU_ALPHA,
        high=math.inf,
        onnx="Selu",
        attributes={"alpha": SELU_ALPHA, "gamma": SELU_SCALE},
    ),
    "softplus": ActivationEntry(
        10, "y = maximum(z, 0) + log(1 + exp(-abs(z)))", "1 - exp(-y)", 0.0, math.inf, "Softplus"
    ),
    "softsign": ActivationEntry(11, "y = z / (1 + abs(z))", "(1 - abs(y))**2", -1.0, 1.0, "Softsign"),
    "exponential": ActivationEntry(12, "y = exp(z)", "y", 0.0, math.inf, "Exp"),
    "silu": ActivationEntry(
        code=13,
        formula="y = z / (1 + exp(-z))",
        derivative="(1 + exp(-z) + z * exp(-z)) / (1 + exp(-z))**2",
        low=-0.2784645427610738,
        high=math.inf,
        onnx="",
        of_input=True,
    ),
    "gelu": ActivationEntry(
        code=14,
        formula=f"y = z * (1 + erf(z * {math.sqrt(0.5)!r})) / 2",
        derivative=f"(1 + erf(z * {math.sqrt(0.5)!r})) / 2 + z * {_DENSITY}",
        low=-0.16997120747990369,
        high=math.inf,
        onnx="",
        of_input=True,
    ),
    "gelu_tanh": ActivationEntry(
        code=15,
        formula=f"y = z * (1 + {_GELU_TANH}) / 2",
        derivative=f"(1 + {_GELU_TANH}) / 2 + z / 2 * (1 - {_GELU_TANH}**2) * {GELU_TANH_SCALE!r} * "
        f"(1 + {3 * GELU_TANH_CUBE} * z**2)",
        low=-0.17004075057125412,
        high=math.inf,
        onnx="",
        of_input=True,
    ),
}
"""By name. Keras 2's hard sigmoid has slope 0.2, Keras 3's 1/6 under the same name; gelu_tanh is Keras' gelu with
approximate=True, clipped_relu what its layer ReLU computes, of which relu6 is the default here."""

SOFTMAX = "softmax"
"""The activation that is not elementwise, exp(z) / sum(exp(z)) over the last axis: Backend.softmax computes it."""

GATES = tuple(name for name, entry in ACTIVATIONS.items() if entry.is_gate)
"""What ConvLSTMSpec.recurrent_activation may be."""

HARD_SIGMOID_SLOPE: dict[Activation, float] = {name: entry.slope for name, entry in ACTIVATIONS.items() if entry.slope}
"""Slopes of the hard sigmoids."""


@dataclass(frozen=True)
class ParsedActivation:
    """An activation taken apart.

    Attributes:
        name: in ACTIVATIONS.
        parameters: all that the entry has, by name and in its order.
    """

    name: str
    parameters: Mapping[str, float]

    @property
    def entry(self) -> ActivationEntry:
        """What the table says of it."""
        return ACTIVATIONS[self.name]

    @property
    def numbers(self) -> tuple[float, float, float]:
        """The parameters as kernels take them, zero where the entry has fewer."""
        first, second, third = [*self.parameters.values(), *[0.0] * MOST_PARAMETERS][:MOST_PARAMETERS]
        return first, second, third

    def __str__(self) -> Activation:
        defaults = self.entry.parameters
        given = [f"{key}={value!r}" for key, value in self.parameters.items() if value != defaults[key]]
        return f"{self.name}({', '.join(given)})" if given else self.name


@cache
def parsed(activation: Activation) -> ParsedActivation:
    """Take "tanh" or "leaky_relu(negative_slope=0.3)" apart. Raises ValueError: it is no activation."""
    found = re.fullmatch(r"(\w+)(?:\((.+)\))?", activation)
    parts = [] if found is None or found[2] is None else [part.partition("=") for part in found[2].split(",")]
    try:
        parameters = {key.strip(): float(value) for key, _, value in parts}
    except ValueError:
        found = None
    if found is None:
        raise ValueError(f"activation: expected a name, or name(parameter=number), got {activation!r}")
    return _checked(found[1], parameters)


def with_parameters(name: str, **parameters: float) -> Activation:
    """The text of an activation with some of its parameters; ValueError: it has no such one, or the number is none."""
    return str(_checked(name, parameters))


def _checked(name: str, parameters: Mapping[str, float]) -> ParsedActivation:
    if name not in ACTIVATIONS:
        raise ValueError(f"activation: expected one of {', '.join(ACTIVATIONS)}, got {name!r}")
    defaults = ACTIVATIONS[name].parameters
    for key, value in parameters.items():
        if key not in defaults:
            raise ValueError(f"activation: expected {name} with {', '.join(defaults) or 'no parameters'}, got {key!r}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0.0:
            raise ValueError(f"{key}: expected a number of at least 0, got {value!r}")
    return ParsedActivation(name, {key: float(parameters.get(key, default)) for key, default in defaults.items()})


class ActivationOperation(Protocol[ArrayT_contra]):
    """An activation on a back end; arrays of any one shape."""

    def forward(self, z: ArrayT_contra, y: ArrayT_contra) -> None:
        """y = activation(z); y may be z itself."""

    def backward(self, kept: ArrayT_contra, dy: ArrayT_contra, dz: ArrayT_contra) -> None:
        """dz = dy * activation'(z); dz may be dy itself.

        kept is the output y, in terms of which the derivative is written; z where the entry's derivative is of_input.
        """
