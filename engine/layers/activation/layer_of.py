"""The layer that computes an activation with parameters, which Keras' files hold in its place."""

from collections.abc import Callable

from engine.layers.activation.activation_layer import ActivationLayer
from engine.layers.activation.elu import ELU
from engine.layers.activation.leaky_relu import LeakyReLU
from engine.layers.activation.relu import ReLU
from kernels.activations import Activation, parsed

_MAKERS: dict[str, Callable[..., ActivationLayer]] = {"leaky_relu": LeakyReLU, "elu": ELU, "clipped_relu": ReLU}


def layer_of(activation: Activation) -> ActivationLayer:
    """A layer whose as_activation this is; only for activations with parameters."""
    taken_apart = parsed(activation)
    return _MAKERS[taken_apart.name](**taken_apart.parameters)
