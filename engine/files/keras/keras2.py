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
from engine.files.keras.forms import form_of
from engine.files.keras.hdf5 import Hdf5Reader, import_h5py
from engine.files.keras.keras1 import modern_arrays
from engine.files.keras.keras3 import read_marker, write_marker
from engine.files.keras.weights import (
    Slots,
    WeightLists,
    count_of_updates,
    listed,
    side_by_side,
    slots_by_layer,
    trained_count,
)
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


def read_legacy(file: Hdf5Reader, made: list[Layer]) -> WeightLists:
    """The weights, and the optimizer's state if it fits these layers, as Keras 2 on TensorFlow has them."""
    group = file.group(file.root, "model_weights") or file.root
    backend = file.text(group, "backend") or file.text(file.root, "backend")
    found = []
    for name in file.names(group, "layer_names") or []:
        layer = file.group(group, name)
        if layer is None:
            raise ValueError(f"it names a layer {name!r} that is not there")
        if arrays := _named_arrays(file, layer)[1]:
            found.append(arrays)
    layers, origin = _by_layer(found, made), (keras_version(file), backend)
    optimizer = file.group(file.root, "optimizer_weights")
    names, arrays = ([], []) if optimizer is None else _named_arrays(file, optimizer)
    trained = [of_layer[: trained_count(layer, of_layer)] for layer, of_layer in zip(made, layers, strict=True)]
    late = bool(names) and _last_part(names[0]) == "iteration"
    slots = slots_by_layer(trained, arrays, interleaved=late and side_by_side(_optimizer_name(file)))
    return WeightLists(
        [modern_arrays(arrays, layer, *origin) for layer, arrays in zip(made, layers, strict=True)],
        slots and [_modern_slots(of_layer, layer, *origin) for layer, of_layer in zip(made, slots, strict=True)],
        read_marker(file),
        count_of_updates(arrays),
    )


def _optimizer_name(file: Hdf5Reader) -> Any:
    training = read_configs(file)[1]
    optimizer = training.get("optimizer") if isinstance(training, dict) else None
    return optimizer.get("class_name") if isinstance(optimizer, dict) else None


def write_legacy(
    weights: WeightLists,
    names: list[tuple[str, list[str]]],
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
        names: of the layers, and of their arrays.
        model, training: JSON-able descriptions.
        optimizer: whose state it is.
    """
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
        _write_names(group, "layer_names", [layer for layer, _ in names])
        for (name, of_layer), arrays in zip(names, weights.layers, strict=True):
            _write_arrays(group.create_group(name), [f"{name}/{array}:0" for array in of_layer], arrays)
        write_marker(file, weights)
    return buffer.getvalue()


def _named_arrays(file: Hdf5Reader, group: Any) -> tuple[list[str], list[HostArray]]:
    names = file.names(group, "weight_names") or []
    arrays = []
    for name in names:
        array = file.array(group, name)
        if array is None:
            raise ValueError(f"it names an array {name!r} that is not there")
        arrays.append(array)
    return names, arrays


def _by_layer(found: list[list[HostArray]], made: list[Layer]) -> list[list[HostArray]]:
    """The arrays of the layers that have any, in turn, and none for the others."""
    weighty = [layer for layer in made if form_of(layer) and layer.has_weights]
    if len(weighty) != len(found):
        raise ValueError(f"its architecture has {len(weighty)} layers with weights, its weights are of {len(found)}")
    arrays = iter(found)
    return [next(arrays) if layer.has_weights else [] for layer in made]


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
