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

from engine.keras_files.hdf5_reader import Hdf5Reader, import_h5py
from engine.keras_files.keras1 import modern_arrays
from engine.keras_files.layer_tree import read_marker, write_marker
from engine.keras_files.weight_lists import Array, WeightLists, count_of_updates, pair_by_layer

VERSION = "2.15.0"
"""The Keras whose files are written: the last 2 that came with TensorFlow. Opened in tf-keras 2.21 and Keras 3.15."""

_ATTRIBUTE_BYTES = 60_000
"""HDF5 keeps attributes of fixed length up to 64 KiB."""

_ARRAY_NAMES = {
    3: ("kernel", "recurrent_kernel", "bias"),
    4: ("gamma", "beta", "moving_mean", "moving_variance"),
    2: ("kernel", "bias"),
}
"""By the number of a layer's arrays."""


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


def read_legacy(file: Hdf5Reader) -> WeightLists:
    """The weights, and the optimizer's arrays if they are Adadelta's, as Keras 2 on TensorFlow has them."""
    group = file.group(file.root, "model_weights") or file.root
    backend = file.text(group, "backend") or file.text(file.root, "backend")
    layers = []
    for name in file.names(group, "layer_names") or []:
        layer = file.group(group, name)
        if layer is None:
            raise ValueError(f"it names a layer {name!r} that is not there")
        if arrays := _named_arrays(file, layer)[1]:
            layers.append(arrays)
    optimizer = file.group(file.root, "optimizer_weights")
    names, slots = ([], []) if optimizer is None else _named_arrays(file, optimizer)
    pairs = pair_by_layer(layers, slots, interleaved=any("accumulated_grad" in name for name in names))
    return WeightLists(
        [modern_arrays(arrays, backend) for arrays in layers],
        pairs and [_modern_pairs(layer, backend) for layer in pairs],
        read_marker(file),
        count_of_updates(slots),
    )


def write_legacy(
    weights: WeightLists, names: list[str], model: Any | None = None, training: Any | None = None
) -> bytes:
    """A file as bytes: of weights only, or where `model` is given a full one.

    Adadelta's arrays stand in the order of Keras 2.3 and tf.keras (2.11 and later take them up with their
    optimizers.legacy.Adadelta, which computes the same). Keras 3 has another order; it says so and begins anew.

    Args:
        weights: in Keras 2's terms.
        names: of the layers that have weights.
        model, training: JSON-able descriptions.
    """
    buffer = io.BytesIO()
    with import_h5py().File(buffer, "w") as file:
        group = file
        if model is not None:
            file.attrs.update(_about())
            file.attrs["model_config"] = _text(json.dumps(model))
            group = file.create_group("model_weights")
            if training is not None:
                file.attrs["training_config"] = _text(json.dumps(training))
                if weights.accumulators is not None:
                    _write_optimizer(file.create_group("optimizer_weights"), weights, names)
        group.attrs.update(_about())
        _write_names(group, "layer_names", names)
        for name, arrays in zip(names, weights.layers, strict=True):
            _write_arrays(group.create_group(name), _array_names(name, arrays), arrays)
        write_marker(file, weights)
    return buffer.getvalue()


def _named_arrays(file: Hdf5Reader, group: Any) -> tuple[list[str], list[Array]]:
    names = file.names(group, "weight_names") or []
    arrays = []
    for name in names:
        array = file.array(group, name)
        if array is None:
            raise ValueError(f"it names an array {name!r} that is not there")
        arrays.append(array)
    return names, arrays


def _modern_pairs(pairs: list[tuple[Array, Array]], backend: str | None) -> list[tuple[Array, Array]]:
    gradients, deltas = (modern_arrays([pair[slot] for pair in pairs], backend) for slot in (0, 1))
    return list(zip(gradients, deltas, strict=True))


def _write_optimizer(group: Any, weights: WeightLists, names: list[str]) -> None:
    assert weights.accumulators is not None
    array_names, slots = ["Adadelta/iter:0"], [np.array(weights.iterations, np.int64)]
    for number, slot in enumerate(("accum_grad", "accum_var")):
        for name, arrays, pairs in zip(names, weights.layers, weights.accumulators, strict=True):
            array_names += [
                f"Adadelta/{n.removesuffix(':0')}/{slot}:0" for n in _array_names(name, arrays)[: len(pairs)]
            ]
            slots += [pair[number] for pair in pairs]
    _write_arrays(group, array_names, slots)


def _write_arrays(group: Any, names: list[str], arrays: list[Array]) -> None:
    _write_names(group, "weight_names", names)
    for name, array in zip(names, arrays, strict=True):
        group[name] = array


def _array_names(layer: str, arrays: list[Array]) -> list[str]:
    return [f"{layer}/{name}:0" for name in _ARRAY_NAMES[len(arrays)]]


def _write_names(group: Any, name: str, names: list[str]) -> None:
    """As bytes of one length, which every Keras and h5py reads; in pieces where one attribute would be too long."""
    texts = np.array([text.encode() for text in names])
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
