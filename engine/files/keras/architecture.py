"""Read Keras' description of a network: a Sequential or a functional model, with models as layers in it."""

from dataclasses import dataclass, field
from typing import Any

from engine.files.keras.forms import form_of, layers_by_keras_name
from engine.files.keras.functional import connections, name_of
from engine.files.keras.keras1 import merge_entry, modern_entry
from engine.files.keras.layer_arguments import engine_arguments
from engine.files.keras.parts import absorb_parts
from engine.graph.chain import Chain
from engine.graph.functional import FunctionalGraph
from engine.graph.graph import Graph
from engine.layers.weight import Shape
from engine.registry import name_of as name_of_class

Config = dict[str, Any]

_MODELS = ("Sequential", "Functional", "Model")
"""Keras' classes of models; the last is Keras 2.3's functional one."""

_DEEPEST = 16
"""Models in models that are read."""


@dataclass
class Architecture:
    """A network as the engine can build it.

    Attributes:
        name, dtype: of the network.
        graph: the engine's layers, not built, and their connections.
        untrainable: what the description asks of training and the engine does not offer; texts for people.
        remarks: what else was read differently from how it stands; texts for people.
    """

    name: str
    dtype: str
    graph: Graph
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
    if kind not in _MODELS:
        raise ValueError(
            f"model: expected a Sequential or a functional model, got {kind!r}, which is a class of its writer's; code "
            "of a file is not run: build the network and call network.load_weights(path)"
        )
    reader = _Reader(keras)
    graph = reader.graph(kind, body, depth=0)
    if not graph.layers:
        raise ValueError("its model has no layers")
    dtype = "float64" if "float64" in reader.dtypes else "float32"
    return Architecture(_name(body), dtype, graph, reader.untrainable, reader.remarks)


class _Reader:
    """Turns Keras' descriptions into the engine's own; what is read differently is noted.

    Attributes:
        dtypes, untrainable, remarks: of all layers together (see Architecture).
    """

    def __init__(self, keras: int) -> None:
        self.keras = keras
        self.dtypes: list[str] = []
        self.untrainable: list[str] = []
        self.remarks: list[str] = []

    def graph(self, kind: str, body: Any, depth: int) -> Graph:
        """The graph of a model."""
        config = self._model(kind, body, depth)
        return Chain.from_config(config) if kind == "Sequential" else FunctionalGraph.from_config(config)

    def _model(self, kind: str, body: Any, depth: int) -> Config:
        """A model's description in the words of the graphs' get_config."""
        if depth > _DEEPEST:
            raise ValueError(f"model: expected models in models {_DEEPEST} deep at most")
        entries = body if kind == "Sequential" and isinstance(body, list) else _expect(body, "layers", list)
        if kind == "Sequential":
            shape, batch_size = _input_shape(body, entries)
            inner = [entry for entry in entries if _expect(entry, "class_name", str) != "InputLayer"]
            made = self._entries(inner, depth, True)
            return {"input_shape": shape, "batch_size": batch_size, "layers": made}
        made = self._entries(entries, depth, False)
        known = layers_by_keras_name()
        stateful = {name_of(entry) for entry in entries if (cls := known.get(entry["class_name"])) and cls.state_names}
        return {"layers": made, **connections(body, stateful)}

    def _entries(self, entries: list[Any], depth: int, in_chain: bool) -> list[Config]:
        if self.keras == 1:
            entries = [merge_entry(entry) for entry in entries]
        checked = [self._checked(entry) for entry in entries]
        if self.keras == 1:
            checked = [modern_entry(entry) for entry in checked]
        if in_chain:
            checked = absorb_parts(checked)
        return [self._entry(entry, depth) for entry in checked]

    def _entry(self, entry: Config, depth: int) -> Config:
        """A layer's or a model's description in the engine's words."""
        kind, config = entry["class_name"], entry["config"]
        if kind in _MODELS:
            graph_kind = "Sequential" if kind == "Sequential" else "Model"
            made = self._model(kind, config, depth + 1)
            if not made["layers"]:
                raise ValueError(f"layer {_name(config)!r}: a {kind} without layers")
            return {"class_name": graph_kind, "config": {"name": _name(config), **made}}
        if kind == "InputLayer":
            return {"class_name": kind, "config": _input_arguments(config)}
        cls = layers_by_keras_name()[kind]
        self.dtypes.append(_dtype(entry, self.remarks))
        arguments = engine_arguments(entry, self.keras, self.untrainable, self.remarks)
        for argument in form_of(cls).inner_arguments:
            if isinstance(inner := config.get(argument), dict):
                arguments[argument] = self._entry(self._checked(inner), depth + 1)
        if arguments.get("name") is None:
            del arguments["name"]
        return {"class_name": name_of_class(cls), "config": arguments}

    def _checked(self, entry: Any) -> Config:
        """A layer's entry, if its class is one of Keras' that are known here."""
        kind = _expect(entry, "class_name", str)
        if kind in _MODELS:
            return {**entry, "config": entry["config"]}
        config = _expect(entry, "config", dict)
        name = _layer_name(entry)
        if entry.get("registered_name") not in (None, kind):
            raise ValueError(
                f"layer {name!r}: a custom layer ({entry['registered_name']}); code of a file is not run: hand its "
                "class over as custom_objects"
            )
        known = layers_by_keras_name()
        if kind not in (*known, "InputLayer"):
            hint = "; code of a file is not run" if kind == "Lambda" else ""
            offered = dict.fromkeys(form_of(layer).class_name for layer in known.values())
            raise ValueError(f"layer {name!r}: {kind} is not offered, only {', '.join(offered)}{hint}")
        return {**entry, "class_name": kind, "config": dict(config)}


def _input_arguments(config: Config) -> Config:
    shape = config.get("batch_shape") or config.get("batch_input_shape")
    sizes = shape if isinstance(shape, list) else []
    if not 2 <= len(sizes) <= 5 or not all(size is None or (type(size) is int and size > 0) for size in sizes):
        raise ValueError(f"input: expected a shape (movies, frames, height, width, channels), got {shape!r}")
    dtype = config.get("dtype")
    arguments = {"batch_shape": sizes, "name": config.get("name"), "dtype": dtype if isinstance(dtype, str) else None}
    return {key: value for key, value in arguments.items() if value is not None}


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
    if not 2 <= len(sizes) <= 5 or not all(size is None or (type(size) is int and size > 0) for size in sizes):
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
