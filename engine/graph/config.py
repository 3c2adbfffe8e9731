"""Layers, and models used as layers, as JSON and back."""

from collections.abc import Callable, Sequence
from typing import Any

from engine.layers import LAYERS, InputLayer, Layer
from engine.registry import name_of
from engine.support.validation import one_of

Config = dict[str, Any]

MODELS: dict[str, Callable[[Config], Any]] = {}
"""What makes a model from its get_config, by its class's name; the models put themselves in (engine/models)."""


def entries_of(layers: Sequence[Any]) -> list[Config]:
    """Class and arguments of layers and of models, JSON-able."""
    return [_entry(layer) for layer in layers]


def _entry(layer: Any) -> Config:
    if isinstance(layer, Layer):
        return {"class_name": name_of(type(layer)), "config": {"name": layer.name, **layer.get_config()}}
    return {"class_name": layer.graph_kind, "config": {"name": layer.name, **layer.graph.get_config()}}


def layers_from_entries(entries: list[Config]) -> list[Any]:
    """Fresh layers and models from what entries_of returned."""
    made = []
    known = {"InputLayer": InputLayer, **LAYERS}
    for entry in entries:
        kind = one_of("class_name", entry["class_name"], [*known, *MODELS])
        made.append(known[kind](**entry["config"]) if kind in known else MODELS[kind](entry["config"]))
    return made
