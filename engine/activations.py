"""Activations, functions between layers, under Keras' names: `engine.activations.relu`.

A layer takes one as it takes a name, `Conv3D(8, 3, activation=engine.activations.relu)`. Called on a symbolic tensor,
one is a layer of a Model; called on an array, it computes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.layers import ELU, LeakyReLU, ReLU, Softmax
from engine.layers import Activation as ActivationLayer
from engine.layers.activation_text import checked_activation
from engine.layers.symbolic import is_symbolic
from engine.support.missing_names import refuse_missing
from kernels.activations import SOFTMAX, Activation
from kernels.arrays import HostArray
from kernels.select import open_backend


@dataclass(frozen=True)
class ActivationFunction:
    """A function between layers.

    Attributes:
        as_activation: its text, as layers keep it.
        layer: makes the layer for parameters that it is called with; None: it has none.
    """

    as_activation: Activation
    layer: Callable[..., Any] | None = field(default=None, repr=False)

    def __call__(self, x: Any, **parameters: Any) -> Any:
        """Write it down on a symbolic tensor, or compute it on an array: float32 stays, all else is float64.

        parameters: Keras', by name, such as relu's negative_slope, max_value and threshold, or softmax's axis.
        """
        if parameters and self.layer is None:
            raise ValueError(f"{self.as_activation}: expected an array alone, got {', '.join(parameters)} too")
        if is_symbolic(x):
            return self._with(parameters)(x)
        axis = parameters.pop("axis", -1) if self.as_activation == SOFTMAX else -1
        return _compute(self._with(parameters).as_activation, np.asarray(x), axis)

    def _with(self, parameters: dict[str, Any]) -> Any:
        """The layer that computes it with these parameters."""
        return self.layer(**parameters) if parameters and self.layer else ActivationLayer(self.as_activation)


def _compute(activation: Activation, x: HostArray, axis: int) -> HostArray:
    backend = open_backend("reference", dtype="float32" if x.dtype == np.float32 else "float64")
    if activation != SOFTMAX:
        y = np.empty(x.shape, backend.dtype)
        backend.activation(activation).forward(x.astype(backend.dtype), y)
        return y
    z = np.moveaxis(x, axis, -1).astype(backend.dtype)
    backend.softmax().forward(z, z)
    return np.moveaxis(z, -1, axis)


def _gelu(approximate: bool = False) -> ActivationLayer:
    return ActivationLayer("gelu_tanh" if approximate else "gelu")


linear = ActivationFunction("linear")
sigmoid = ActivationFunction("sigmoid")
tanh = ActivationFunction("tanh")
relu = ActivationFunction("relu", ReLU)
relu6 = ActivationFunction("clipped_relu")
hard_sigmoid = ActivationFunction("hard_sigmoid")
leaky_relu = ActivationFunction("leaky_relu", LeakyReLU)
elu = ActivationFunction("elu", ELU)
selu = ActivationFunction("selu")
softplus = ActivationFunction("softplus")
softsign = ActivationFunction("softsign")
exponential = ActivationFunction("exponential")
silu = ActivationFunction("silu")
swish = silu
gelu = ActivationFunction("gelu", _gelu)
softmax = ActivationFunction(SOFTMAX, Softmax)


def get(activation: Any) -> ActivationFunction:
    """Return the function that a name, a function of this module, a layer or None stands for. Raises ValueError."""
    return ActivationFunction(checked_activation("activation", activation))


def serialize(activation: Any) -> Activation:
    """Return the text of an activation, which `get` takes. Raises ValueError: it is none."""
    return checked_activation("activation", activation)


if not TYPE_CHECKING:  # for which a module with __getattr__ has every name
    __getattr__ = refuse_missing(globals())
