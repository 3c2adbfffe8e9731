"""Layers inside layers and networks, as JSON and back: a class's name and its arguments."""

from collections.abc import Callable, Mapping
from typing import Any

from engine.layers.weight_holder import WeightHolder
from engine.registry import name_of
from engine.support.validation import one_of

Config = dict[str, Any]

_CLASSES: list[Mapping[str, Any]] = []

MODELS: dict[str, Callable[[Config], Any]] = {}
"""What makes a network from its graph's get_config, by its class's name; the networks put themselves in."""


def know_classes(classes: Mapping[str, Any]) -> None:
    """Make classes of layers known by name."""
    _CLASSES.append(classes)


def entry_of(layer: Any) -> Config:
    """Class and arguments of a layer, or of a network used as one; JSON-able."""
    if hasattr(layer, "graph"):
        return {"class_name": layer.graph_kind, "config": {"name": layer.name, **layer.graph.get_config()}}
    return {"class_name": name_of(type(layer)), "config": {"name": layer.name, **layer.get_config()}}


def layer_from_entry(entry: Config) -> Any:
    """A fresh layer or network from what entry_of returned. Raises ValueError: no such class."""
    known = {name: cls for classes in _CLASSES for name, cls in classes.items()}
    kind = one_of("class_name", entry["class_name"], [*known, *MODELS])
    if kind in MODELS:
        return MODELS[kind](entry["config"])
    name = entry["config"].get("name") or kind
    try:
        return known[kind](**entry["config"])
    except (TypeError, ValueError) as error:
        text = str(error)
        raise ValueError(text if text.startswith("layer ") else f"layer {name!r}: {text}") from None


def checked_inner(argument: str, layer: Any) -> Any:
    """A layer that another one applies, given as such, as a network or as what entry_of returned."""
    if isinstance(layer, dict) and {"class_name", "config"} <= layer.keys():
        return layer_from_entry(layer)
    if not isinstance(layer, WeightHolder) and not hasattr(layer, "graph"):
        raise ValueError(f"{argument}: expected a layer of engine, got {layer!r}")
    return layer
