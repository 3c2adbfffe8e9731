"""Read Keras' description of a network: a Sequential, or a functional model that is one chain of layers."""

from dataclasses import dataclass, field
from typing import Any

from engine.files.keras.forms import form_of, layers_by_keras_name
from engine.files.keras.functional import chain
from engine.files.keras.keras1 import modern_entry
from engine.files.keras.layer_arguments import engine_arguments
from engine.files.keras.parts import absorb_parts
from engine.layers import Layer
from engine.layers.weight import Shape

Config = dict[str, Any]


@dataclass
class Architecture:
    """A network as the engine can build it.

    Attributes:
        name, dtype: of the network.
        input_shape: without the movies' axis, for example (frames, height, width, channels); None if the file does not
            say.
        batch_size: movies of every batch; None for any number.
        layers: the engine's layers, not built, without input_shape.
        untrainable: what the description asks of training and the engine does not offer; texts for people.
        remarks: what else was read differently from how it stands; texts for people.
    """

    name: str
    dtype: str
    input_shape: Shape | None
    layers: list[Layer]
    batch_size: int | None = None
    untrainable: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def read_architecture(config: Any, keras: int) -> Architecture:
    """Build the layers that a model's JSON describes.

    Args:
        config: {"class_name": "Sequential" | "Functional" | "Model", "config": ...}.
        keras: major version of the Keras that wrote it.

    Raises ValueError: a layer, or an argument of one, that the engine does not offer, by name. Nothing of the file is
    run: a Lambda, a custom layer or a custom function is such a layer or argument.
    """
    kind, body = _expect(config, "class_name", str), config["config"]
    if kind == "Sequential":
        entries = body if isinstance(body, list) else _expect(body, "layers", list)
    elif kind in ("Functional", "Model"):
        entries = chain(body)
    else:
        raise ValueError(f"model: expected a Sequential, or a functional model that is a chain, got {kind!r}")
    shape, batch_size = _input_shape(body, entries)
    entries = [_checked(entry) for entry in entries]
    if keras == 1:
        entries = [modern_entry(entry) for entry in entries]
    architecture = Architecture(_name(body), "float32", shape, [], batch_size)
    dtypes = [_dtype(entry, architecture.remarks) for entry in entries if entry["class_name"] != "InputLayer"]
    architecture.dtype = "float64" if "float64" in dtypes else "float32"
    entries = [entry for entry in entries if entry["class_name"] != "InputLayer"]
    kinds = layers_by_keras_name()
    for entry in absorb_parts(entries):
        arguments = engine_arguments(entry, keras, architecture.untrainable, architecture.remarks)
        try:
            architecture.layers.append(kinds[entry["class_name"]](**arguments))
        except ValueError as error:
            raise ValueError(f"layer {_layer_name(entry)!r}: {error}") from None
    if not architecture.layers:
        raise ValueError("its model has no layers")
    return architecture


def _checked(entry: Any) -> Config:
    """A layer's entry, if its class is one of Keras' that are known here."""
    kind, config = _expect(entry, "class_name", str), _expect(entry, "config", dict)
    name = _layer_name(entry)
    if entry.get("registered_name") not in (None, kind):
        raise ValueError(f"layer {name!r}: a custom layer ({entry['registered_name']}); code of a file is not run")
    known = layers_by_keras_name()
    if kind not in (*known, "InputLayer"):
        hint = "; code of a file is not run" if kind == "Lambda" else ""
        offered = dict.fromkeys(form_of(layer).class_name for layer in known.values())
        raise ValueError(f"layer {name!r}: {kind} is not offered, only {', '.join(offered)}{hint}")
    return {"class_name": kind, "config": dict(config)}


def _input_shape(body: Any, entries: list[Any]) -> tuple[Shape | None, int | None]:
    """What the model says of its input and of its batches, in any of the places where Kerases say it."""
    first = _expect(entries[0], "config", dict) if entries else {}
    places = [first.get("batch_input_shape"), first.get("batch_shape")]
    if isinstance(body, dict):
        places.append(body.get("build_input_shape"))
    shape = next((place for place in places if place is not None), None)
    if shape is None:
        return None, None
    sizes = shape if isinstance(shape, list) else []
    if len(sizes) not in (4, 5) or not all(size is None or (type(size) is int and size > 0) for size in sizes):
        raise ValueError(f"input: expected a shape (movies, frames, height, width, channels), got {shape!r}")
    return (None if all(size is None for size in sizes[1:]) else tuple(sizes[1:])), sizes[0]


def _name(body: Any) -> str:
    name = body.get("name") if isinstance(body, dict) else None
    return name if isinstance(name, str) and name else "sequential"


def _layer_name(entry: Config) -> Any:
    return entry["config"].get("name") or entry["class_name"]


def _dtype(entry: Config, remarks: list[str]) -> str:
    dtype = entry["config"].get("dtype") or "float32"
    if isinstance(dtype, dict):  # a DTypePolicy object of Keras 3
        dtype = dtype["config"]["name"]
    if dtype not in ("float32", "float64"):
        remarks.append(f"layer {_layer_name(entry)!r} computes in {dtype} in Keras and in float32 here")
    return str(dtype)


def _expect(config: Any, key: str, kind: type) -> Any:
    value = config.get(key) if isinstance(config, dict) else None
    if not isinstance(value, kind):
        raise ValueError(f"its description has no {key}")
    return value
