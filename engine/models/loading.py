"""A network in one file: weights by name, architecture and compile arguments as JSON."""

import math
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from engine.files.keras import SUFFIXES, is_keras_file, read_network, write_network
from engine.files.keras.weight_shapes import expected_shapes
from engine.files.safetensors import read_safetensors, write_safetensors
from engine.models.sequential import Sequential
from kernels.select import choose_device

KIND = "model"


def save_model(network: Sequential, path: str | Path) -> None:
    """Write a built network's architecture and weights to one file, atomically.

    A .keras or .h5 path makes Keras' own file (docs/keras.md), with the optimizer's state; .safetensors a file without
    it: training that goes on from that starts it at zero.

    Raises OSError: the file cannot be written; what stood at `path` is then untouched. ValueError: another suffix, or
    Keras' file cannot hold this network.
    """
    check_suffix(path)
    if Path(path).suffix.lower() in SUFFIXES:
        write_network(network, Path(path))
    else:
        model_writer(network, path)()


def check_suffix(path: str | Path) -> None:
    """Refuse a name that says another format than the file would have, or none: model.onnx, model.pt, model."""
    known = (".safetensors", *SUFFIXES)
    if Path(path).suffix.lower() not in known:
        raise ValueError(
            f"path: expected a name that ends in {', '.join(known)}, got {str(path)!r} (network.export writes .onnx)"
        )


def model_writer(network: Sequential, path: str | Path) -> Callable[[], None]:
    """A function that writes the safetensors file of a built network as it is now, whatever becomes of that."""
    arrays = dict(zip([weight.name for weight in network.weights], network.get_weights(), strict=True))
    return partial(write_safetensors, path, KIND, arrays, network.get_config())


def load_model(path: str | Path, device: str = "auto", dtype: Any = None, precision: str = "float32") -> Sequential:
    """Read a network that save_model (Sequential.save) or Keras wrote.

    Args:
        path: of the .safetensors file, or of a .keras or .h5 file (docs/keras.md), told apart by content.
        device: where it shall run, as for Sequential.
        dtype: "float32" or "float64"; None is the one it was saved with.
        precision: of the convolutions on CUDA, as for Sequential.

    Raises ValueError: the file is missing, truncated, foreign or does not fit together; or the device is not there.
    """
    if is_keras_file(Path(path)):
        return read_network(Path(path), device, dtype, precision)
    arrays, config = read_safetensors(path, KIND)
    network = network_from_config(path, config, device, dtype, precision, numbers=sum(map(np.size, arrays.values())))
    names = [weight.name for weight in network.weights]
    if set(names) != arrays.keys():
        odd = sorted(set(names) ^ arrays.keys())
        raise ValueError(f"{path}: its weights and its architecture disagree about {', '.join(odd[:4])}")
    try:
        network.set_weights([arrays[name] for name in names])
    except ValueError as error:
        raise ValueError(f"{path}: its weights and its architecture disagree ({error})") from None
    return network


def network_from_config(
    path: str | Path,
    config: Any,
    device: str,
    dtype: Any = None,
    precision: str = "float32",
    numbers: int | None = None,
) -> Sequential:
    """Build the network that a file describes; a description that makes no network is a ValueError naming `path`.

    numbers: of all its weights together, if they are known; a description of another size, which might ask for any
    memory, is refused before anything of that size is made.
    Training arguments that cannot be made from it (a schedule of one's own, say) leave it uncompiled, with a warning.
    """
    choose_device(device)
    try:
        uncompiled = {**config, "loss": None}
        network = Sequential.from_config(uncompiled, device=device, dtype=dtype, precision=precision)
        if numbers is not None:
            _check_size(network, numbers)
        network.build()
        if config["loss"] is not None:
            _compile(network, path, config)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"{path}: its description makes no network ({error})") from None
    return network


def _check_size(network: Sequential, numbers: int) -> None:
    expected, shape = 0, network.input_shape
    if shape is None:
        raise ValueError("it does not say the shape of its input")
    for layer in network.layers:
        expected += sum(map(math.prod, expected_shapes(layer, shape)))
        shape = layer.output_shape(shape)
    if expected != numbers:
        raise ValueError(f"it describes {expected} weights, and the file holds {numbers}")


def _compile(network: Sequential, path: str | Path, config: Any) -> None:
    optimizer, loss, metrics = config["optimizer"], config["loss"], config.get("metrics")
    try:
        network.compile(optimizer, loss, metrics)
    except (KeyError, TypeError, ValueError) as error:
        warnings.warn(
            f"{path}: opened without its training arguments, which make none here ({error}). Predictions are the same; "
            "call compile() to train on",
            stacklevel=4,
        )
