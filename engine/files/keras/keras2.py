"""The .h5 files of Keras 1 and 2 and of tf.keras, which Keras 3 calls legacy.

    / attributes: keras_version, backend, model_config, training_config (JSON)
    /model_weights attributes: layer_names, backend, keras_version; a weights-only file has this at its root
    /model_weights/LAYER attributes: weight_names; datasets under those names
    /optimizer_weights attributes: weight_names; datasets

Everything is read in the order in which the attributes name it, for the names differ between Kerases.
"""

import io
import json
from typing import Any

import numpy as np

from engine.files.keras.compile_arguments import is_late
from engine.files.keras.hdf5 import Hdf5Reader, import_h5py
from engine.files.keras.keras1 import modern_arrays
from engine.files.keras.keras3 import read_marker, write_marker
from engine.files.keras.places import Place, places_of
from engine.files.keras.weights import (
    Slots,
    WeightLists,
    count_of_updates,
    listed,
    side_by_side,
    slots_by_layer,
    trained_count,
)
from engine.graph.graph import Graph
from engine.layers import Layer
from engine.optimizers import OPTIMIZERS
from engine.optimizers.base import Optimizer
from kernels.arrays import HostArray

VERSION = "2.15.0"
"""The Keras whose files are written: the last 2 that came with TensorFlow. Opened in tf-keras 2.21 and Keras 3.15."""

_ATTRIBUTE_BYTES = 60_000
"""HDF5 keeps attributes of fixed length up to 64 KiB."""


def is_legacy(file: Hdf5Reader) -> bool:
    """Whether the file is of this kind, with or without an architecture."""
    return file.group(file.root, "model_weights") is not None or file.names(file.root, "layer_names") is not None


def keras_version(file: Hdf5Reader) -> int:
    """The major version of the Keras that wrote it: 1 if it does not say, as Keras' own loaders take it."""
    holder = file.group(file.root, "model_weights") or file.root
    version = file.text(file.root, "keras_version") or file.text(holder, "keras_version") or "1"
    if version[0] not in "123":
        raise ValueError(f"keras_version: expected 1, 2 or 3, got {version!r}")
    return int(version[0])


def read_configs(file: Hdf5Reader) -> tuple[Any, Any]:
    """(model, training) descriptions; None where the file has none. training is in Keras 3's words."""
    model, training = file.text(file.root, "model_config"), file.text(file.root, "training_config")
    arguments = json.loads(training) if training else None
    if isinstance(arguments, dict):
        arguments = {**arguments, "optimizer": arguments.get("optimizer_config")}
    return (json.loads(model) if model else None), arguments


def read_legacy(file: Hdf5Reader, graph: Graph) -> WeightLists:
    """The weights, and the optimizer's state if it fits these layers, as Keras 2 on TensorFlow has them."""
    places = places_of(graph)
    made = [place.layer for place in places]
    group = file.group(file.root, "model_weights") or file.root
    backend = file.text(group, "backend") or file.text(file.root, "backend")
    keras, found = keras_version(file), []
    for name in file.names(group, "layer_names") or []:
        layer = file.group(group, name)
        if layer is None:
            raise ValueError(f"it names a layer {name!r} that is not there")
        if arrays := _named_arrays(file, layer)[1]:
            found.append(arrays)
    layers = _by_layer(found, places, graph)
    optimizer = file.group(file.root, "optimizer_weights")
    names, arrays = ([], []) if optimizer is None else _named_arrays(file, optimizer)
    trained = [of_layer[: trained_count(layer, of_layer)] for layer, of_layer in zip(made, layers, strict=True)]
    late = bool(names) and _last_part(names[0]) == "iteration"
    slots = slots_by_layer(trained, arrays, interleaved=late and side_by_side(_optimizer_name(file)))
    return WeightLists(
        [modern_arrays(arrays, layer, keras, backend) for layer, arrays in zip(made, layers, strict=True)],
        slots and [_modern_slots(of_layer, layer, keras, backend) for layer, of_layer in zip(made, slots, strict=True)],
        read_marker(file),
        count_of_updates(arrays),
    )


def _optimizer_name(file: Hdf5Reader) -> Any:
    training = read_configs(file)[1]
    optimizer = training.get("optimizer") if isinstance(training, dict) else None
    return optimizer.get("class_name") if isinstance(optimizer, dict) else None


def write_legacy(
    weights: WeightLists,
    graph: Graph,
    model: Any | None = None,
    training: Any | None = None,
    optimizer: Optimizer | None = None,
) -> bytes:
    """A file as bytes: of weights only, or where `model` is given a full one.

    The optimizer's arrays stand in the order of Keras 2.3 and tf.keras (2.11 and later take them up with their
    optimizers.legacy, which compute the same); an optimizer that only the later ones have, in theirs. Keras 3 has
    another order; it says so and begins anew.

    Args:
        weights: in Keras 2's terms.
        graph: whose they are.
        model, training: JSON-able descriptions.
        optimizer: whose state it is.
    """
    by_top, names = _grouped(weights, graph)
    buffer = io.BytesIO()
    with import_h5py().File(buffer, "w") as file:
        group = file
        if model is not None:
            file.attrs.update(_about())
            file.attrs["model_config"] = _text(json.dumps(model))
            group = file.create_group("model_weights")
            if training is not None and optimizer is not None:
                file.attrs["training_config"] = _text(json.dumps(training))
                _write_optimizer(file.create_group("optimizer_weights"), weights, names, optimizer)
        group.attrs.update(_about())
        _write_names(group, "layer_names", list(by_top))
        for name, of_layer in by_top.items():
            array_names, arrays = [f"{array}:0" for array, _ in of_layer], [array for _, array in of_layer]
            _write_arrays(group.create_group(name), array_names, arrays)
        write_marker(file, weights)
    return buffer.getvalue()


def _grouped(
    weights: WeightLists, graph: Graph
) -> tuple[dict[str, list[tuple[str, HostArray]]], list[tuple[str, list[str]]]]:
    """Each layer's or model's arrays with their names, those that are not trained last; and the names by layer.

    The second has the layers' names, each with its arrays' names, in the order of Graph.leaves.
    """
    by_top: dict[str, list[tuple[str, HostArray]]] = {layer.name: [] for layer in graph.layers}
    tops, names = list(by_top), []
    later: list[tuple[str, tuple[str, HostArray]]] = []
    for place, arrays in zip(places_of(graph), weights.layers, strict=True):
        top = tops[place.top]
        below = "" if top == place.layer.name else f"{place.layer.name}/"
        inner = [part.layer for part in place.parts if part.layer is not place.layer]
        called = [
            f"{layer.name}/{weight.name.split('/')[-1]}" if inner else weight.name.split("/")[-1]
            for layer in inner or [place.layer]
            for weight in layer.weights
        ]
        names.append((top, [f"{below}{name}" for name in called]))
        trained = trained_count(place.layer, arrays)
        for number, (name, array) in enumerate(zip(called, arrays, strict=True)):
            named = f"{top}/{below}{name}", array
            if number < trained:
                by_top[top].append(named)
            else:
                later.append((top, named))
    for top, named in later:
        by_top[top].append(named)
    return by_top, names


def _named_arrays(file: Hdf5Reader, group: Any) -> tuple[list[str], list[HostArray]]:
    names = file.names(group, "weight_names") or []
    arrays = []
    for name in names:
        array = file.array(group, name)
        if array is None:
            raise ValueError(f"it names an array {name!r} that is not there")
        arrays.append(array)
    return names, arrays


def _by_layer(found: list[list[HostArray]], places: list[Place], graph: Graph) -> list[list[HostArray]]:
    """The arrays of the layers that have any, in turn, and none for the others.

    A model that is a layer has its own layers' arrays side by side, those that are not trained last.
    """
    weighty = [place for place in places if place.layer.has_weights]
    tops = list(dict.fromkeys(place.top for place in weighty))
    if len(tops) != len(found):
        raise ValueError(f"its architecture has {len(tops)} layers with weights, its weights are of {len(found)}")
    arrays = dict(zip(tops, found, strict=True))
    layers: dict[Layer, list[HostArray]] = {}
    for top in tops:
        inside = [place.layer for place in weighty if place.top == top]
        layers |= {inside[0]: arrays[top]} if len(inside) == 1 else _apart(arrays[top], inside, graph)
    return [layers.get(place.layer, []) for place in places]


def _apart(arrays: list[HostArray], layers: list[Layer], graph: Graph) -> dict[Layer, list[HostArray]]:
    """A model's arrays by layer: all layers' trained ones first, then all layers' others."""
    shapes = graph.known_value_shapes()
    counts = {call.layer: len(call.layer.weight_shapes(shapes[call.inputs[0]])) for call in graph.calls}
    total = sum(counts[layer] for layer in layers)
    if total != len(arrays):
        raise ValueError(f"a model in it has {total} arrays of weights, and the file {len(arrays)}")
    frozen = {layer: len(layer.untrained) if layer.trainable else counts[layer] for layer in layers}
    first = iter(arrays)
    trained = {layer: [next(first) for _ in range(counts[layer] - frozen[layer])] for layer in layers}
    return {layer: [*trained[layer], *(next(first) for _ in range(frozen[layer]))] for layer in layers}


def _modern_slots(slots: list[Slots], layer: Layer, keras: int, backend: str | None) -> list[Slots]:
    columns = [modern_arrays(list(column), layer, keras, backend) for column in zip(*slots, strict=True)]
    return list(zip(*columns, strict=True))


def _last_part(name: str) -> str:
    return name.rsplit("/", maxsplit=1)[-1].removesuffix(":0")


def _write_optimizer(
    group: Any, weights: WeightLists, names: list[tuple[str, list[str]]], optimizer: Optimizer
) -> None:
    kind, late = OPTIMIZERS.nearest(type(optimizer)), is_late(optimizer)
    trained = [
        f"{layer}/{array}"
        for (layer, arrays), slots in zip(names, weights.slots or [], strict=weights.slots is not None)
        for array in arrays[: len(slots)]
    ]
    columns = [
        [f"{kind}/{name}/{slot}:0" for name in trained] for slot in optimizer.keras2_slots[: len(optimizer.slots)]
    ]
    by_weight = [[tuple(column)] for column in zip(*columns, strict=True)]
    interleaved = late and optimizer.slots_side_by_side
    array_names = ["iteration:0" if late else f"{kind}/iter:0", *listed(by_weight, interleaved)]
    slots = listed(weights.slots or [], interleaved)
    _write_arrays(group, array_names, [np.array(weights.iterations, np.int64), *slots])


def _write_arrays(group: Any, names: list[str], arrays: list[HostArray]) -> None:
    _write_names(group, "weight_names", names)
    for name, array in zip(names, arrays, strict=True):
        group[name] = array


def _write_names(group: Any, name: str, names: list[str]) -> None:
    """As bytes of one length, which every Keras and h5py reads; in pieces where one attribute would be too long."""
    texts = np.array([text.encode() for text in names], dtype=None if names else "S1")
    pieces = -(-texts.nbytes // _ATTRIBUTE_BYTES)
    if pieces <= 1:
        group.attrs[name] = texts
        return
    for number, piece in enumerate(np.array_split(texts, min(2 * pieces, len(texts)))):
        group.attrs[f"{name}{number}"] = piece


def _about() -> dict[str, Any]:
    return {"keras_version": np.bytes_(VERSION), "backend": np.bytes_("tensorflow")}


def _text(text: str) -> Any:
    """Bytes of fixed length, as Keras 2 before h5py 3 needs them, where HDF5 can hold so many."""
    return np.bytes_(text) if len(text.encode()) <= _ATTRIBUTE_BYTES else text
