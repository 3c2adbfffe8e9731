"""Keras layers that are parts of one layer here: the ZeroPadding3D that makes a 'valid' Conv3D causal."""

from typing import Any

from engine.files.keras.forms import form_of, layers_by_keras_name

Config = dict[str, Any]


def absorb_parts(entries: list[Config]) -> list[Config]:
    """Make one layer of each such part and the layer behind it; what is no part of it stays a layer of its own."""
    whole: list[Config] = []
    for entry in entries:
        together = _absorbed(whole[-1], entry) if whole else None
        if together is None:
            whole.append(entry)
        else:
            whole[-1] = together
    return whole


def _absorbed(part: Config, entry: Config) -> Config | None:
    layer = layers_by_keras_name().get(entry["class_name"])
    absorb = None if layer is None else form_of(layer).absorbs.get(part["class_name"])
    config = None if absorb is None else absorb(part["config"], entry["config"])
    return None if config is None else {"class_name": entry["class_name"], "config": config}
