"""What layers take as an activation, as the text of kernels/activations.py that they keep."""

from typing import Any

from engine.layers.symbolic import Call, SymbolicTensor
from engine.support.validation import one_of
from kernels.activations import ACTIVATIONS, SOFTMAX, Activation, parsed, with_parameters

ALIASES: dict[str, Activation] = {"swish": "silu", "relu6": "clipped_relu"}
"""Keras' names for what has another name here, or is one of several with parameters."""

NAMES = (*ACTIVATIONS, SOFTMAX, *ALIASES)
"""What goes for an activation by name."""


def checked_activation(name: str, value: Any, elementwise: bool = False) -> Activation:
    """Return the text of what a layer was given as an activation.

    Args:
        name: of the argument, for messages.
        value: a name or text; None, which is linear, as in Keras; anything with the attribute as_activation, such as a
            function of engine.activations or a LeakyReLU; or a function that calls such a thing on its one argument.
        elementwise: refuse softmax, as for the gates of a recurrent cell.

    Raises ValueError: it is no activation, or a function of another kind.
    """
    activation = _text(name, value)
    if elementwise and activation == SOFTMAX:
        raise ValueError(f"{name}: expected a function of each element, got {SOFTMAX!r}, which is one of rows")
    return activation


def rectifier(max_value: float | None, negative_slope: float, threshold: float) -> Activation:
    """Return the text of what Keras' layer ReLU computes with these arguments.

        y = max_value if z >= max_value, z if threshold <= z < max_value, else negative_slope * (z - threshold)

    Raises ValueError: a number below 0.
    """
    if max_value is None and threshold == 0.0:
        return "relu" if negative_slope == 0.0 else with_parameters("leaky_relu", negative_slope=negative_slope)
    limit = float("inf") if max_value is None else max_value
    return with_parameters("clipped_relu", max_value=limit, negative_slope=negative_slope, threshold=threshold)


def _text(name: str, value: Any) -> Activation:
    if value is None:
        return "linear"
    if isinstance(value, str):
        if value.partition("(")[0] in ACTIVATIONS:
            return str(parsed(value))
        return ALIASES.get(one_of(name, value, NAMES), value)
    found = getattr(value, "as_activation", None)
    if found is None and callable(value):
        found = _traced(value)
    if found is None:
        raise ValueError(
            f"{name}: expected a name such as 'relu', a function of engine.activations or a layer that is an "
            f"activation, such as engine.LeakyReLU(0.3), got {value!r}"
        )
    return str(found)


def _traced(function: Any) -> Activation | None:
    """The activation of lambda x: LeakyReLU(0.3)(x), seen by calling it on a tensor without numbers; None: none."""
    x = SymbolicTensor(Call(None, ()), 0, (None,), None)
    try:
        y = function(x)
    except Exception:
        return None
    call = getattr(y, "call", None)
    return getattr(call.layer, "as_activation", None) if call is not None and call.inputs == (x,) else None
