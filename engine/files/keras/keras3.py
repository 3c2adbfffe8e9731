"""The HDF5 tree of Keras 3's .weights.h5, which is also in its .keras: groups by class and number, arrays by number.

layers/conv_lstm2d_1/cell/vars/0, 1, 2          kernel, recurrent_kernel, bias
layers/batch_normalization/vars/0 ... 3         gamma, beta, moving_mean, moving_variance
layers/conv3d/vars/0, 1                         kernel, bias
optimizer/vars/0, 1, 2, 3, ...                  iteration, learning rate (unless it follows a schedule); then the slots
"""

import io
import json
from typing import Any

import numpy as np

from engine.files.keras.gates import HARD_SIGMOID_OF_KERAS
from engine.files.keras.hdf5 import Hdf5Reader, import_h5py
from engine.files.keras.places import places_of
from engine.files.keras.weights import (
    WeightLists,
    count_of_updates,
    listed,
    side_by_side,
    slots_by_layer,
    trained_count,
)
from engine.graph.graph import Graph
from engine.keras_objects import snake_case
from engine.layers import Layer
from engine.optimizers import OPTIMIZERS
from engine.optimizers.base import Optimizer
from kernels.arrays import HostArray

MARKER = "convlstm_engine"
"""The root attribute in which this engine says what Keras does not ask: {"gates": {layer number: name}}."""

_TREES = ("layers", "_layer_checkpoint_dependencies")
"""The second in files of tf.keras 2.13."""


def read_tree(file: Hdf5Reader, graph: Graph) -> WeightLists:
    """The weights of a graph's layers, in the order of Graph.leaves, and the optimizer's state if it fits them."""
    tree = next((name for name in _TREES if file.group(file.root, name) is not None), None)
    if tree is None:
        raise ValueError("its HDF5 file has no weights where Keras 3 puts them (no group 'layers')")
    layers, places = [], places_of(graph)
    read: dict[Layer, list[HostArray]] = {}  # a layer that stands in two places has its arrays in the first
    for place in places:
        found: list[HostArray] = []
        for part in place.parts:
            paths = [path.replace("layers", tree, 1) for path in part.paths]
            of_each_path = (_numbered_arrays(file, f"{path}/{part.below}") for path in paths)
            owner = part.layer.weights_owner
            of_part = next(filter(None, of_each_path), read.get(owner, []))
            read[owner] = of_part
            if part.layer.has_weights and not of_part:
                raise ValueError(f"its HDF5 file has no weights of layer {part.paths[0].removeprefix('layers/')!r}")
            found += of_part
        layers.append(found)
    arrays = _numbered_arrays(file, "optimizer/vars")
    trained = [of_layer[: trained_count(place.layer, of_layer)] for place, of_layer in zip(places, layers, strict=True)]
    group = file.group(file.root, "optimizer/vars")
    interleaved = side_by_side(None if group is None else file.text(group, "name"))
    slots = slots_by_layer(trained, arrays, interleaved)
    return WeightLists(layers, slots, read_marker(file), count_of_updates(arrays))


def write_tree(weights: WeightLists, graph: Graph, network: str, optimizer: Optimizer | None) -> bytes:
    """The file as bytes.

    Args:
        weights: in Keras' terms.
        graph: whose they are.
        network: its name.
        optimizer: whose state it is.
    """
    buffer = io.BytesIO()
    with import_h5py().File(buffer, "w") as file:
        file.create_group("vars").attrs["name"] = network
        for place, of_layer in zip(places_of(graph), weights.layers, strict=True):
            arrays = iter(of_layer)
            for part in place.parts:
                variables = file.require_group(f"{part.paths[0]}/vars")
                variables.attrs["name"] = part.layer.name
                if part.form.cell is not None:
                    variables = file.create_group(f"{part.paths[0]}/{part.below}")
                    variables.attrs["name"] = part.form.cell[1]
                for number in range(len(part.layer.weights)):
                    variables[str(number)] = next(arrays)
        if optimizer is not None:
            slots: list[Any] = [np.int64(weights.iterations)]
            if not isinstance(optimizer.get_config()["learning_rate"], dict):
                slots.append(next(filter(None, weights.layers))[0].dtype.type(optimizer.learning_rate))
            slots += listed(weights.slots or [], optimizer.slots_side_by_side)
            slots += optimizer.numbers_beside_slots(weights.iterations)
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


def _numbered_arrays(file: Hdf5Reader, path: str) -> list[HostArray]:
    """The datasets 0, 1, 2, ... of a group; none if there is no such group."""
    arrays: list[HostArray] = []
    while (array := file.array(file.root, f"{path}/{len(arrays)}")) is not None:
        arrays.append(array)
    return arrays
