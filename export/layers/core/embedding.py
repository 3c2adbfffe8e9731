"""Embedding: rows of a table, which no graph of frames has."""

from typing import Any, NoReturn

from engine.layers import Embedding
from export.layers.frame_layer import Size, nodes_for


@nodes_for(Embedding)
def refuse(layer: Any, channels: int, size: Size, rank: int) -> NoReturn:
    """Raise ValueError: the graphs here take frames, not numbers of rows."""
    raise ValueError(f"layer {layer.name!r}: an Embedding takes numbers, and graphs here are of networks on frames")
