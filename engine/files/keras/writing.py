"""Write Keras files: .keras for Keras 3, .h5 for Keras 2 and tf.keras, weights alone for either."""

import warnings
from pathlib import Path
from typing import Any

from engine.files.atomic import write_atomically
from engine.files.keras import gates
from engine.files.keras.archive import write_archive
from engine.files.keras.describe import describe, describe_training
from engine.files.keras.keras2 import write_legacy
from engine.files.keras.keras3 import write_tree
from engine.files.keras.weights import WeightLists
from engine.graph.description import Description
from kernels.activations import HARD_SIGMOID_SLOPE


def write_network(network: Description, path: Path) -> None:
    """Write architecture, weights, compile arguments and the optimizer's state, atomically.

    Args:
        network: with its numbers.
        path: ends in .keras (Keras 3), or .h5 or .hdf5 (Keras 2, tf.keras).

    Raises ValueError: what the file cannot hold; OSError: it cannot be written. What stood at `path` is untouched then.
    """
    if path.suffix.lower() == ".keras":
        content = write_archive(describe(network, 3), _tree(network))
    else:
        content = _legacy(network, describe(network, 2), describe_training(network))
    write_atomically(path, content)


def write_weights(network: Description, path: Path) -> None:
    """Write weights alone, atomically: .weights.h5 in Keras 3's layout with the optimizer's state, .h5 in Keras 2's."""
    if path.name.lower().endswith(".weights.h5"):
        content = _tree(network)
    elif path.suffix.lower() in (".h5", ".hdf5"):
        content = _legacy(network)
    else:
        raise ValueError(f"path: expected .weights.h5 (Keras 3) or .h5 (Keras 2), got {path.name!r}")
    write_atomically(path, content)


def _legacy(network: Description, model: Any = None, training: Any = None) -> bytes:
    weights = gates.to_file(network.layers, _numbers(network), 2, network.optimizer)
    if any(gates.gates_of(layer) in HARD_SIGMOID_SLOPE for layer in network.layers):
        warnings.warn(
            "this .h5 is for Keras 2 and tf.keras, where hard_sigmoid is clip(0.2 x + 0.5, 0, 1); Keras 3 opens it "
            "with clip(x/6 + 0.5, 0, 1) and predicts something else: for Keras 3 save a .keras file",
            stacklevel=5,
        )
    return write_legacy(weights, network.graph, model, training, network.optimizer)


def _tree(network: Description) -> bytes:
    weights = gates.to_file(network.layers, _numbers(network), 3, network.optimizer)
    return write_tree(weights, network.graph, network.name, network.optimizer)


def _numbers(network: Description) -> WeightLists:
    return WeightLists(network.weights, network.slots, iterations=network.iterations)
