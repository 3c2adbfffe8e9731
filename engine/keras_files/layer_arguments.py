"""Keras' layer arguments in the engine's terms, or a refusal that names the argument."""

import inspect
from typing import Any

from engine.initializers import INITIALIZERS
from engine.keras_files.gates import HARD_SIGMOID_OF_KERAS
from engine.layers import LAYERS

Config = dict[str, Any]

_ABOUT_SOMETHING_ELSE = {
    "name", "dtype", "batch_input_shape", "batch_shape", "input_dtype", "input_shape", "seed", "implementation",
    "zero_output_for_mask", "fused", "synchronized", "virtual_batch_size", "time_major", "unroll", "cache",
    "renorm_clipping", "renorm_momentum",
}  # fmt: skip
"""Read elsewhere, without effect on the numbers, or of use only with an argument that is refused."""

_ONLY = {"renorm": False}
"""What an argument that the engine has not must be, for the network to compute the same."""

_TRAINING_ONLY: dict[str, tuple[Any, ...]] = {"activity_regularizer": (None,)}
"""The values with which an argument that predictions do not depend on does nothing."""

_SHORT_INITIALIZERS = {("fan_avg", "uniform"): "glorot_uniform"}


def engine_arguments(entry: Config, keras: int, untrainable: list[str], remarks: list[str]) -> Config:
    """The arguments for the engine's layer of the same class.

    Args:
        entry: {"class_name", "config"} of a layer that the engine has.
        keras: major version of the Keras that wrote it.
        untrainable, remarks: texts are appended (see Architecture).

    Raises ValueError naming the layer and the argument that the engine does not offer.
    """
    kind, config = entry["class_name"], entry["config"]
    taken = inspect.signature(LAYERS[kind].__init__).parameters
    name = config.get("name")
    label = f"layer {name or kind!r}"
    arguments: Config = {"name": name}
    if kind == "ConvLSTM2D":
        arguments["recurrent_activation"] = "sigmoid" if keras == 3 else "hard_sigmoid"
    for argument, value in config.items():
        if argument in _ABOUT_SOMETHING_ELSE:
            continue
        if argument.endswith("initializer"):
            if argument in taken:
                _add_initializer(arguments, label, argument, value, remarks)
        elif argument in _TRAINING_ONLY:
            if value not in _TRAINING_ONLY[argument]:
                untrainable.append(f"{label}: {argument}={_short(value)}")
        elif argument in taken:
            arguments[argument] = _plain(label, argument, value, keras)
        elif argument not in _ONLY or value != _ONLY[argument]:
            wanted = f"expected {_ONLY[argument]!r}, got " if argument in _ONLY else ""
            raise ValueError(f"{label}: {argument} is not offered here: {wanted}{_short(value)}")
    return arguments


def _plain(label: str, argument: str, value: Any, keras: int) -> Any:
    """A value as the engine's layers take it."""
    if argument.endswith("activation"):
        if isinstance(value, dict):
            raise ValueError(f"{label}: {argument} is a custom function ({_short(value)}); code of a file is not run")
        return HARD_SIGMOID_OF_KERAS[keras] if value == "hard_sigmoid" else value
    if argument == "axis" and isinstance(value, list) and len(value) == 1:
        return value[0]
    if isinstance(value, dict) and not argument.endswith(("_regularizer", "_constraint")):
        raise ValueError(f"{label}: {argument} is not offered here: {_short(value)}")
    return value


def _add_initializer(arguments: Config, label: str, argument: str, value: Any, remarks: list[str]) -> None:
    """An initializer by the engine's name; one that it has not is left at the default, for the weights are known."""
    name, config = (value["class_name"], value.get("config") or {}) if isinstance(value, dict) else (value, {})
    if name == "VarianceScaling" and config.get("scale") == 1.0:
        name = _SHORT_INITIALIZERS.get((str(config.get("mode")), str(config.get("distribution"))), name)
    known = {key.replace("_", ""): key for key in INITIALIZERS}
    found = known.get(str(name).replace("_", "").lower())
    if found is None or config.get("gain", 1.0) != 1.0:
        remarks.append(f"{label}: {argument} {_short(name)} is not offered; it does nothing to the weights of the file")
    else:
        arguments[argument] = found


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
