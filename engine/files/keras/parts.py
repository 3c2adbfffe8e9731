"""Keras layers that are parts of one layer here: the ZeroPadding3D that makes a 'valid' Conv3D causal."""

from typing import Any

from engine.files.keras.forms import absorbed_names, form_of, layers_by_keras_name

Config = dict[str, Any]


def absorb_parts(entries: list[Config]) -> list[Config]:
    """Make one layer of each such part and the layer behind it.

    Raises ValueError: the layer behind it takes no such part, or not this one.
    """
    whole: list[Config] = []
    part: Config | None = None
    for entry in entries:
        if part is not None:
            whole.append(_absorbed(part, entry))
            part = None
        elif entry["class_name"] in absorbed_names():
            part = entry
        else:
            whole.append(entry)
    if part is not None:
        raise _not_offered(part)
    return whole


def _absorbed(part: Config, entry: Config) -> Config:
    layer = layers_by_keras_name().get(entry["class_name"])
    absorb = None if layer is None else form_of(layer).absorbs.get(part["class_name"])
    if absorb is None:
        raise _not_offered(part)
    return {"class_name": entry["class_name"], "config": absorb(part["config"], entry["config"])}


def _not_offered(part: Config) -> ValueError:
    kind, known = part["class_name"], layers_by_keras_name().values()
    takers = dict.fromkeys(form_of(layer).class_name for layer in known if kind in form_of(layer).absorbs)
    return ValueError(f"layer {part['config'].get('name')!r}: {kind} is offered before a {' or '.join(takers)} only")
