"""Activations, functions between layers, under Keras' names: `engine.activations.relu`, `"relu"`.

A layer takes one as a name, as a function of this module, as a layer that is an activation alone, such as
LeakyReLU(0.3), or as None, which is linear. It keeps the text of kernels/activations.py.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.support.validation import one_of
from kernels.activations import ACTIVATIONS, SOFTMAX, Activation, parsed, with_parameters
from kernels.arrays import HostArray
from kernels.select import open_backend

ALIASES: dict[str, Activation] = {"swish": "silu", "relu6": "clipped_relu"}
"""Keras' names for what has another name here, or is one of several with parameters."""

NAMES = (*ACTIVATIONS, SOFTMAX, *ALIASES)
"""What goes for an activation by name."""


@dataclass(frozen=True)
class ActivationFunction:
    """A function between layers; called on an array it gives an array of its shape.

    Attributes:
        as_activation: its text, as layers keep it.
    """

    as_activation: Activation

    def __call__(self, x: HostArray, axis: int = -1) -> HostArray:
        """Compute it at each element; a softmax over an axis. float32 stays float32, all else is float64."""
        x = np.asarray(x)
        backend = open_backend("reference", dtype="float32" if x.dtype == np.float32 else "float64")
        if self.as_activation != SOFTMAX:
            y = np.empty(x.shape, backend.dtype)
            backend.activation(self.as_activation).forward(x.astype(backend.dtype), y)
            return y
        z = np.moveaxis(x, axis, -1).astype(backend.dtype)
        y = np.empty_like(z)
        backend.softmax().forward(z, y)
        return np.moveaxis(y, -1, axis)


linear = ActivationFunction("linear")
sigmoid = ActivationFunction("sigmoid")
tanh = ActivationFunction("tanh")
relu = ActivationFunction("relu")
relu6 = ActivationFunction("clipped_relu")
hard_sigmoid = ActivationFunction("hard_sigmoid")
leaky_relu = ActivationFunction("leaky_relu")
elu = ActivationFunction("elu")
selu = ActivationFunction("selu")
softplus = ActivationFunction("softplus")
softsign = ActivationFunction("softsign")
exponential = ActivationFunction("exponential")
silu = ActivationFunction("silu")
swish = silu
gelu = ActivationFunction("gelu")
softmax = ActivationFunction(SOFTMAX)


def get(activation: Any) -> ActivationFunction:
    """Return the function that a name, a function of this module, a layer or None stands for. Raises ValueError."""
    return ActivationFunction(get_activation("activation", activation))


def serialize(activation: Any) -> Activation:
    """Return the text of an activation, which `get` takes. Raises ValueError: it is none."""
    return get_activation("activation", activation)


def get_activation(argument: str, value: Any) -> Activation:
    """Return the text of what a layer was given as an activation.

    Args:
        argument: its name, for messages.
        value: a name or text, anything with the attribute as_activation, or None, which is linear.

    Raises ValueError: it is no activation, or a function of one's own.
    """
    if value is None:
        return "linear"
    if isinstance(value, str):
        name = value.partition("(")[0]
        if name not in ACTIVATIONS:
            return ALIASES.get(one_of(argument, value, NAMES), value)
        return str(parsed(value))
    found: Activation | None = getattr(value, "as_activation", None)
    if found is not None:
        return found
    raise ValueError(
        f"{argument}: expected a name such as 'relu', a function of engine.activations or a layer that is an "
        f"activation, such as engine.LeakyReLU(0.3), got {value!r}"
    )


def rectifier(max_value: float | None, negative_slope: float, threshold: float) -> Activation:
    """Return the text of what Keras' layer ReLU computes with these arguments.

        y = max_value if z >= max_value, z if threshold <= z < max_value, else negative_slope * (z - threshold)

    Raises ValueError: a number below 0.
    """
    if max_value is None and threshold == 0.0:
        return "relu" if negative_slope == 0.0 else with_parameters("leaky_relu", negative_slope=negative_slope)
    limit = float("inf") if max_value is None else max_value
    return with_parameters("clipped_relu", max_value=limit, negative_slope=negative_slope, threshold=threshold)
