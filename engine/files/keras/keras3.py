"""The HDF5 tree of Keras 3's .weights.h5, which is also in its .keras: groups by class and number, arrays by number.

layers/conv_lstm2d_1/cell/vars/0, 1, 2          kernel, recurrent_kernel, bias
layers/batch_normalization/vars/0 ... 3         gamma, beta, moving_mean, moving_variance
layers/conv3d/vars/0, 1                         kernel, bias
optimizer/vars/0, 1, 2, 3, ...                  iteration, learning rate (unless it follows a schedule); then the slots
"""

import io
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.files.keras.gates import HARD_SIGMOID_OF_KERAS
from engine.files.keras.hdf5 import Hdf5Reader, import_h5py
from engine.files.keras.weights import Array, WeightLists, count_of_updates, listed, slots_by_layer, trained_count
from engine.keras_objects import snake_case
from engine.layers import Layer
from engine.optimizers import OPTIMIZERS
from engine.optimizers.base import Optimizer

MARKER = "convlstm_engine"
"""The root attribute in which this engine says what Keras does not ask: {"gates": {layer number: name}}."""

_SNAKE_CASE = {
    "ConvLSTM2D": ("conv_lstm2d", "conv_lst_m2d"),
    "BatchNormalization": ("batch_normalization",),
    "Conv3D": ("conv3d",),
    "ZeroPadding3D": ("zero_padding3d",),
}
"""Keras' directory names; the second is what older tf.keras made of the same class."""

_CELL = {"ConvLSTM2D": "cell/"}
_TREES = ("layers", "_layer_checkpoint_dependencies")
"""The second in files of tf.keras 2.13."""


def read_tree(file: Hdf5Reader, made: list[Layer]) -> WeightLists:
    """The weights of these layers, in this order, and the optimizer's state if it fits them."""
    tree = next((name for name in _TREES if file.group(file.root, name) is not None), None)
    if tree is None:
        raise ValueError("its HDF5 file has no weights where Keras 3 puts them (no group 'layers')")
    layers, seen = [], Counter[str]()
    for layer in made:
        kind = type(layer).__name__
        names = [_numbered(name, seen[kind]) for name in _SNAKE_CASE[kind]]
        seen[kind] += 1
        paths = [f"{tree}/{name}/{_CELL.get(kind, '')}vars" for name in names]
        found = next((arrays for path in paths if (arrays := _numbered_arrays(file, path))), None)
        if found is None:
            raise ValueError(f"its HDF5 file has no weights of layer {names[0]!r}")
        layers.append(found)
    arrays = _numbered_arrays(file, "optimizer/vars")
    trained = [of_layer[: trained_count(layer, of_layer)] for layer, of_layer in zip(made, layers, strict=True)]
    slots = slots_by_layer(trained, arrays, interleaved=True)
    return WeightLists(layers, slots, read_marker(file), count_of_updates(arrays))


def write_tree(
    weights: WeightLists, classes: Sequence[str], names: Sequence[str], network: str, optimizer: Optimizer | None
) -> bytes:
    """The file as bytes.

    Args:
        weights: in Keras' terms, those of the classes that have any.
        classes, names: of all layers; a ZeroPadding3D has no weights but a place.
        network: its name.
        optimizer: whose state it is.
    """
    buffer = io.BytesIO()
    with import_h5py().File(buffer, "w") as file:
        file.create_group("vars").attrs["name"] = network
        seen, arrays_of = Counter[str](), iter(weights.layers)
        for kind, name in zip(classes, names, strict=True):
            group = file.create_group(f"layers/{_numbered(_SNAKE_CASE[kind][0], seen[kind])}")
            seen[kind] += 1
            variables = group.create_group("vars")
            variables.attrs["name"] = name
            if kind in _CELL:
                variables = group.create_group("cell/vars")
                variables.attrs["name"] = "conv_lstm_cell"
            for number, array in enumerate([] if kind == "ZeroPadding3D" else next(arrays_of)):
                variables[str(number)] = array
        if optimizer is not None:
            slots: list[Any] = [np.int64(weights.iterations)]
            if not isinstance(optimizer.get_config()["learning_rate"], dict):
                slots.append(weights.layers[-1][0].dtype.type(optimizer.learning_rate))
            slots += listed(weights.slots or [], interleaved=True)
            group = file.create_group("optimizer/vars")
            group.attrs["name"] = snake_case(OPTIMIZERS.nearest(type(optimizer)) or type(optimizer).__name__)
            for number, slot in enumerate(slots):
                group[str(number)] = slot
        write_marker(file, weights)
    return buffer.getvalue()


def read_marker(file: Hdf5Reader) -> dict[int, str]:
    """The layers whose gates' weights were scaled by gates.to_file, with the gates that they have here."""
    text = file.text(file.root, MARKER)
    if text is None:
        return {}
    gates = {int(number): str(name) for number, name in json.loads(text)["gates"].items()}
    if not set(gates.values()) <= set(HARD_SIGMOID_OF_KERAS.values()):
        raise ValueError(f"attribute {MARKER}: unknown gates {sorted(gates.values())}")
    return gates


def write_marker(file: object, weights: WeightLists) -> None:
    """Mark an open h5py.File, where there is anything to mark."""
    if weights.true_gates:
        file.attrs[MARKER] = json.dumps({"gates": weights.true_gates})  # type: ignore[attr-defined]


def _numbered(name: str, number: int) -> str:
    return f"{name}_{number}" if number else name


def _numbered_arrays(file: Hdf5Reader, path: str) -> list[Array]:
    """The datasets 0, 1, 2, ... of a group; none if there is no such group."""
    arrays: list[Array] = []
    while (array := file.array(file.root, f"{path}/{len(arrays)}")) is not None:
        arrays.append(array)
    return arrays
