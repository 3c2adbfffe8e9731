"""Layers, and networks used as layers, as JSON and back."""

from collections.abc import Sequence
from typing import Any

from engine.layers.nested import MODELS, Config, entry_of, layer_from_entry

__all__ = ["MODELS", "entries_of", "layers_from_entries"]


def entries_of(layers: Sequence[Any]) -> list[Config]:
    """Class and arguments of layers and of networks, JSON-able."""
    return [entry_of(layer) for layer in layers]


def layers_from_entries(entries: list[Config]) -> list[Any]:
    """Fresh layers and networks from what entries_of returned."""
    return [layer_from_entry(entry) for entry in entries]
