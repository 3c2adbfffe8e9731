"""Read a Keras file: a whole network, or weights for a given one."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.files.keras import archive, gates
from engine.files.keras import keras2 as legacy_h5
from engine.files.keras.architecture import read_architecture
from engine.files.keras.compile_arguments import read_compile_config
from engine.files.keras.errors import naming
from engine.files.keras.hdf5 import Hdf5Reader
from engine.files.keras.keras3 import read_tree
from engine.files.keras.metrics import read_metrics
from engine.files.keras.weight_shapes import check_shapes
from engine.files.keras.weights import WeightLists
from engine.graph.description import Description
from engine.graph.graph import Graph
from engine.layers import Layer
from engine.layers.weight import Shape

ZIP, HDF5 = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class _Opened:
    """A file that is open, with its weights still to be read.

    Attributes:
        keras: major version of the Keras that wrote it; 3 for a bare tree of weights, which does not say.
        legacy: whether the HDF5 part is of Keras 2's kind.
        model, training: descriptions; None where there are none.
        numbers: the HDF5 part.
    """

    keras: int
    legacy: bool
    model: Any
    training: Any
    numbers: Hdf5Reader

    def weights(self, graph: Graph) -> WeightLists:
        return legacy_h5.read_legacy(self.numbers, graph) if self.legacy else read_tree(self.numbers, graph)


def read_network(path: Path) -> tuple[Description, list[str]]:
    """Read a .keras or a full-model .h5: the network, and remarks for people on what was read differently.

    Where the file asks of training what the engine does not offer, there is no optimizer, and a remark says why.
    """
    with naming(path):
        opened = _open(path)
        if opened.model is None:
            raise ValueError(
                "this file holds weights but no architecture: build the network and call network.load_weights(path)"
            )
        architecture = read_architecture(opened.model, opened.keras)
        graph = architecture.graph
        weights = opened.weights(graph)
        _take_true_gates(graph.leaves, weights)
        shapes = check_shapes(graph, weights)
        if graph.input_shape is None:
            graph.layers[0].input_shape = shapes[0]
        network = Description(architecture.name, architecture.dtype, graph)
        missing = "; ".join(architecture.untrainable) or _read_training(network, opened.training)
        left_out = _read_metrics(network, opened.training)
        network = _with_numbers(network, gates.from_file(network.layers, weights, opened.keras, network.optimizer))
    return network, [*architecture.remarks, *_remarks(network, opened.keras, missing), *left_out]


def read_weights(network: Description, path: Path) -> tuple[Shape, Description]:
    """Read a file's weights for a network: the shape of its input, and the network with these numbers."""
    with naming(path):
        opened = _open(path)
        weights = opened.weights(network.graph)
        [shape, *_] = check_shapes(network.graph, weights)
        scaled = gates.HARD_SIGMOID_OF_KERAS[opened.keras]
        as_scaled = {number for number, layer in enumerate(network.layers) if gates.gates_of(layer) == scaled}
        weights = gates.from_file(network.layers, weights, opened.keras, network.optimizer, keep=as_scaled)
    return shape, _with_numbers(network, weights)


def _with_numbers(network: Description, weights: WeightLists) -> Description:
    return replace(network, weights=weights.layers, slots=weights.slots, iterations=weights.iterations)


def _read_training(network: Description, config: Any) -> str:
    """Set loss and optimizer as a file asks; returns what the engine does not offer, in words."""
    try:
        found = read_compile_config(config, network.graph.output_names) or (None, None, None)
        network.loss, network.loss_weights, network.optimizer = found
    except ValueError as error:
        return str(error)
    return ""


def _read_metrics(network: Description, config: Any) -> list[str]:
    """Set metrics as a file asks, where it asks for training; returns a remark on those that are not offered."""
    if network.optimizer is None or not isinstance(config, dict):
        return []
    losses = network.loss if isinstance(network.loss, list) else [network.loss]
    network.metrics, missing = read_metrics(config.get("metrics"), losses, network.graph.output_names)
    return [f"its metrics {', '.join(missing)} are not offered here, and left out"] if missing else []


def _open(path: Path) -> _Opened:
    if not path.is_file():
        raise ValueError("there is no such file")
    content = path.read_bytes()
    if content.startswith(ZIP):
        packed = archive.read_archive(content)
        config = packed.config
        training = config.get("compile_config") if isinstance(config, dict) else None
        return _Opened(packed.keras, False, config, training, Hdf5Reader(packed.weights, len(content)))
    if not content.startswith(HDF5):
        hint = "; engine.load_model opens the engine's own" if path.suffix == ".safetensors" else ""
        raise ValueError(f"damaged, or neither a zip (.keras) nor an HDF5 (.h5) file{hint}")
    file = Hdf5Reader(content)
    if legacy_h5.is_legacy(file):
        return _Opened(legacy_h5.keras_version(file), True, *legacy_h5.read_configs(file), file)
    return _Opened(3, False, None, None, file)


def _take_true_gates(layers: list[Layer], weights: WeightLists) -> None:
    """Restore the gates of layers that the file marks as scaled."""
    for number, name in weights.true_gates.items():
        if not 0 <= number < len(layers):
            raise ValueError(f"it marks the gates of layer {number}, which it has not")
        gates.set_gates(layers[number], name)


def _remarks(network: Description, keras: int, missing: str) -> list[str]:
    """Make remarks on a file; `missing` is what it asks of training and the engine does not offer."""
    remarks = []
    if missing:
        remarks.append(
            f"opened without its training arguments, for the engine does not offer: {missing}. Predictions are the "
            "same; call compile() to train on by other rules"
        )
    elif network.optimizer is not None and not network.resumes and network.iterations:
        name = type(network.optimizer).__name__
        remarks.append(f"it holds no state of {name} that fits its weights; training on begins with zeros")
    if keras < 3 and any(gates.gates_of(layer) == "hard_sigmoid" for layer in network.layers):
        remarks.append(
            "its gates are Keras 2's hard_sigmoid, clip(0.2 x + 0.5, 0, 1), here as there; Keras 3 itself opens this "
            "file with clip(x/6 + 0.5, 0, 1) and predicts something else"
        )
    return remarks
