"""Layers of one's own: what engine.register asks of their classes."""

import inspect

from engine.layers.layer import Layer


def check_class(layer: type[Layer]) -> None:
    """Raise ValueError unless layers of this class can work in a network and come back from a file."""
    if layer.bind is Layer.bind and layer.bind_to is Layer.bind_to:
        raise ValueError(f"cls: {layer.__name__} has no bind_to(self, backend, x_shape, training); see engine.Layer")
    taken = inspect.signature(layer).parameters
    of_every_layer = inspect.signature(Layer).parameters
    forwards = any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values())
    if not forwards and not {"name", "input_shape", "trainable"} <= taken.keys():
        raise ValueError(
            f"cls: {layer.__name__}'s __init__ must take name, input_shape and trainable, or **kwargs, and hand them "
            "to super().__init__"
        )
    own = [name for name, each in taken.items() if name not in of_every_layer and each.kind is not each.VAR_KEYWORD]
    if own and layer.get_config is Layer.get_config:
        raise ValueError(f"cls: {layer.__name__}'s get_config must say {', '.join(own)}, or files would lose them")
