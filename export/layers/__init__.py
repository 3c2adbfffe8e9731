"""The layers as the exporter sees them: for each class of layer one *Nodes class, in a module below this folder.

A module registers itself with `nodes_for`; all of them are imported here, so that a new one needs no other line.
"""

from importlib import import_module
from pkgutil import walk_packages
from typing import Any

from engine.layers import LAYERS
from export.layers.frame_layer import NODES, FrameLayer, Size, State, nodes_for

for _module in walk_packages(__path__, f"{__name__}."):
    import_module(_module.name)


def read_layers(network: Any, channels: int, size: Size) -> list[FrameLayer]:
    """The layers of a built engine network for frames of that size with this many channels, weights included.

    Raises ValueError naming the layer and what of it no ONNX graph here can do.
    """
    layers: list[FrameLayer] = []
    shape = network.input_shape
    for layer in network.layers:
        layers.append(_read(layer, channels, size, len(shape) + 1))
        channels, size = layers[-1].channels_out, layers[-1].size_out
        shape = layer.output_shape(shape)
    return layers


def _read(layer: Any, channels: int, size: Size, rank: int) -> FrameLayer:
    kind = type(layer)
    if kind not in NODES:
        known = ", ".join(name for name, other in LAYERS.items() if other in NODES)
        raise ValueError(
            f"network: expected layers of {known}, got {layer.name!r} of class {kind.__name__}; "
            "export.layers.nodes_for makes another one known"
        )
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise ValueError(f"layer {layer.name!r}: data_format: expected 'channels_last', got {layer.data_format!r}")
    return NODES[kind](layer, channels, size, rank)


__all__ = ["NODES", "FrameLayer", "Size", "State", "nodes_for", "read_layers"]
