"""Layers of several inputs, which chains of layers have not."""

from typing import Any

from engine.layers import Add, Average, Concatenate, Maximum, Minimum, Multiply, Subtract
from export.layers.frame_layer import FrameLayer, Size, nodes_for


def refuse(layer: Any, channels: int, size: Size, rank: int) -> FrameLayer:
    """Raise ValueError."""
    raise ValueError(
        f"layer {layer.name!r}: {type(layer).__name__} is not offered in ONNX: graphs are chains of layers"
    )


for _layer in (Add, Average, Concatenate, Maximum, Minimum, Multiply, Subtract):
    nodes_for(_layer)(refuse)
