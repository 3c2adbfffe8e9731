"""Reshaping layers whose input or output is no movie, which graphs of movies have not."""

from typing import Any

from engine.layers import (
    Cropping1D,
    Cropping2D,
    Flatten,
    Permute,
    RepeatVector,
    Reshape,
    ZeroPadding1D,
    ZeroPadding2D,
)
from export.layers.frame_layer import FrameLayer, Size, nodes_for


def refuse(layer: Any, channels: int, size: Size, rank: int) -> FrameLayer:
    """Raise ValueError."""
    raise ValueError(f"layer {layer.name!r}: {type(layer).__name__} is not offered in ONNX: graphs are of movies")


for _layer in (Cropping1D, Cropping2D, Flatten, Permute, RepeatVector, Reshape, ZeroPadding1D, ZeroPadding2D):
    nodes_for(_layer)(refuse)
