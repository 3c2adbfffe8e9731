"""Make a network from a file: the engine's own, with architecture as JSON and weights by name, or Keras', or JSON."""

import json
import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.files.keras import is_keras_file, naming, read_network
from engine.files.keras.architecture import read_architecture
from engine.files.safetensors import read_safetensors
from engine.graph.chain import Chain
from engine.layers import Layer
from engine.models.describing import take_state
from engine.models.functional import Model
from engine.models.saving import KIND
from engine.models.sequential import Sequential
from engine.models.trained_network import TrainedNetwork
from engine.registry import custom_objects as known_inside
from kernels.select import choose_device


def load_model(
    path: str | Path,
    device: str = "auto",
    dtype: Any = None,
    precision: str = "float32",
    custom_objects: Mapping[str, type] | None = None,
    compile: bool = True,
) -> TrainedNetwork:
    """Read a network that save() or Keras wrote: a Sequential, or a Model.

    Args:
        path: of the .safetensors file, or of a .keras or .h5 file (docs/keras.md), told apart by content.
        device: where it shall run, as for Sequential.
        dtype: "float32" or "float64"; None is the one it was saved with.
        precision: of the convolutions on CUDA, as for Sequential.
        custom_objects: classes of one's own (layers, losses, optimizers, ...) by the names that the file has for them,
            where engine.register was not given them.
        compile: False leaves out what compile was given, and a loss of one's own that nobody has is no matter.

    Raises ValueError: the file is missing, truncated, foreign or does not fit together; or the device is not there.
    """
    _refuse_folder(Path(path))
    with known_inside(custom_objects):
        if is_keras_file(Path(path)):
            return _load_keras(Path(path), device, dtype, precision, compile)
        arrays, config = read_safetensors(path, KIND)
        numbers = sum(map(np.size, arrays.values()))
        config = config if compile else {**config, "loss": None}
        network = network_from_config(path, config, device, dtype, precision, numbers)
    names = [name for name, _ in network.graph.named_weights]
    if set(names) != arrays.keys():
        odd = sorted(set(names) ^ arrays.keys())
        raise ValueError(f"{path}: its weights and its architecture disagree about {', '.join(odd[:4])}")
    try:
        network.set_weights([arrays[name] for name in names])
    except ValueError as error:
        raise ValueError(f"{path}: its weights and its architecture disagree ({error})") from None
    return network


def model_from_json(
    json_string: str,
    custom_objects: Mapping[str, type] | None = None,
    device: str = "auto",
    dtype: Any = None,
) -> TrainedNetwork:
    """Build a network with fresh weights from what to_json returned, here or in any Keras; it is not compiled.

    Args:
        json_string: the JSON.
        custom_objects: classes of one's own by the names that it has for them.
        device, dtype: as for Sequential; dtype None is the JSON's own.

    Raises ValueError: it is no JSON of a model, or has a layer or an argument that is not offered, by name.
    """
    try:
        config = json.loads(json_string)
    except (TypeError, ValueError) as error:
        raise ValueError(f"json_string: expected the JSON of a model ({error})") from None
    version = config.get("keras_version") if isinstance(config, dict) else None
    try:
        with known_inside(custom_objects):
            architecture = read_architecture(config, int(str(version or "3")[0]))
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(f"json_string: its description makes no model ({error!r})") from None
    kind = Sequential if isinstance(architecture.graph, Chain) else Model
    made: TrainedNetwork = kind.of_graph(architecture.graph, architecture.name, device, dtype or architecture.dtype)
    return made


def _refuse_folder(path: Path) -> None:
    """Say what a folder is, and how to get a file out of it."""
    if not path.is_dir():
        return
    if (path / "saved_model.pb").is_file() or (path / "keras_metadata.pb").is_file():
        raise ValueError(
            f"{path}: this is a SavedModel, a folder that holds TensorFlow's graph, not layers with arguments; open it "
            "where it was made, in Keras 2 (tf_keras.models.load_model), and save it as a file: "
            "model.save('model.keras') or model.save('model.h5')"
        )
    raise ValueError(f"{path}: there is no such file, but a folder; expected .safetensors, .keras or .h5")


def _load_keras(path: Path, device: str, dtype: Any, precision: str, compiled: bool) -> TrainedNetwork:
    """Build a network from a Keras file, with a UserWarning for each remark on what was read differently."""
    described, remarks = read_network(path)
    if not compiled:
        described.optimizer = described.slots = None
    kind = Sequential if isinstance(described.graph, Chain) else Model
    network: TrainedNetwork = kind.of_graph(
        described.graph, described.name, device, dtype or described.dtype, precision
    )
    with naming(path):
        network.build()
        if described.optimizer is not None:
            metrics = described.metrics[0] if len(described.metrics) == 1 else described.metrics or None
            network.compile(described.optimizer, described.loss, described.loss_weights, metrics)
        take_state(network, described)
    for remark in remarks:
        warnings.warn(f"{path}: {remark}", stacklevel=3)
    return network


def network_from_config(
    path: str | Path,
    config: Any,
    device: str,
    dtype: Any = None,
    precision: str = "float32",
    numbers: int | None = None,
) -> TrainedNetwork:
    """Build the network that a file describes; a description that makes no network is a ValueError naming `path`.

    numbers: of all its weights together, if they are known; a description of another size, which might ask for any
    memory, is refused before anything of that size is made.
    Training arguments that cannot be made from it (a schedule of one's own, say) leave it uncompiled, with a warning.
    """
    choose_device(device)
    try:
        uncompiled = {**config, "loss": None}
        kind = Model if "calls" in config else Sequential
        network: TrainedNetwork = kind.from_config(uncompiled, device=device, dtype=dtype, precision=precision)
        if numbers is not None:
            _check_size(network, numbers)
        network.build()
        if config["loss"] is not None:
            _compile(network, path, config)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"{path}: its description makes no network ({error})") from None
    return network


def _check_size(network: TrainedNetwork, numbers: int) -> None:
    graph = network.graph
    known = [shape for shape in graph.input_shapes if shape is not None]
    if len(known) != len(graph.input_shapes):
        raise ValueError("it does not say the shape of its input")
    shapes = list(known)
    expected: dict[Layer, int] = {}
    for call in graph.calls:
        given = [shapes[value] for value in call.inputs]
        expected.setdefault(call.layer.weights_owner, sum(map(math.prod, call.layer.weight_shapes(given[0]))))
        shapes += call.layer.output_shapes(given)
    if sum(expected.values()) != numbers:
        raise ValueError(f"it describes {sum(expected.values())} weights, and the file holds {numbers}")


def _compile(network: TrainedNetwork, path: str | Path, config: Any) -> None:
    optimizer, loss, metrics = config["optimizer"], config["loss"], config.get("metrics")
    try:
        network.compile(optimizer, loss, config.get("loss_weights"), metrics)
    except (KeyError, TypeError, ValueError) as error:
        warnings.warn(
            f"{path}: opened without its training arguments, which make none here ({error}). Predictions are the same; "
            "register classes of one's own with engine.register before opening it, or call compile() to train on",
            stacklevel=4,
        )
