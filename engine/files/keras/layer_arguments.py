"""Keras' layer arguments in the engine's terms, or a refusal that names the argument."""

import inspect
from typing import Any

from engine.files.keras.forms import form_of, layers_by_keras_name
from engine.files.keras.gates import HARD_SIGMOID_OF_KERAS
from engine.files.keras.rules import understood
from engine.layers import Layer
from engine.layers.activation_text import checked_activation

Config = dict[str, Any]

_ABOUT_SOMETHING_ELSE = {
    "name", "dtype", "batch_input_shape", "batch_shape", "input_dtype", "input_shape", "implementation", "cache",
    "activity_regularizer",
}  # fmt: skip
"""Read elsewhere, or without effect on the numbers."""


def engine_arguments(entry: Config, keras: int, untrainable: list[str], remarks: list[str]) -> Config:
    """The arguments for the engine's layer of the same class.

    Args:
        entry: {"class_name", "config"} of a layer that the engine has.
        keras: major version of the Keras that wrote it.
        untrainable, remarks: texts are appended (see Architecture).

    Raises ValueError naming the layer and the argument that the engine does not offer.
    """
    kind, config = entry["class_name"], entry["config"]
    layer = layers_by_keras_name()[kind]
    form = form_of(layer)
    taken = {*inspect.signature(layer).parameters, *inspect.signature(Layer).parameters}
    name = config.get("name")
    label = f"layer {name or kind!r}"
    arguments: Config = {"name": name, **form.defaults.get(keras, {})}
    if config.get("activity_regularizer") is not None:
        untrainable.append(f"{label}: activity_regularizer={_short(config['activity_regularizer'])}")
    for argument, value in config.items():
        if argument in _ABOUT_SOMETHING_ELSE or argument in form.ignored or argument in form.inner_arguments:
            continue
        if argument in form.refused and value != form.refused[argument]:
            continue
        if argument in form.refused or argument not in taken:
            if value is not None:
                raise ValueError(f"{label}: {argument} is not offered here: {_short(value)}")
        elif argument.endswith(("initializer", "regularizer", "constraint")):
            try:
                arguments[argument] = understood(argument, value)
            except ValueError:
                _leave_out(label, argument, value, untrainable, remarks)
        elif argument.endswith("activation"):
            arguments[argument] = _activation(label, argument, value, keras)
        elif value is not None or argument in form.nullable:
            arguments[argument] = value if value is None else _plain(label, argument, value)
    return arguments


def _activation(label: str, argument: str, value: Any, keras: int) -> Any:
    """A name, or the layer that stands in its place, as Keras writes LeakyReLU(0.1) that was given as an activation."""
    if isinstance(value, dict):
        layer, config = layers_by_keras_name().get(str(value.get("class_name"))), value.get("config")
        if layer is None or not isinstance(config, dict):
            raise ValueError(f"{label}: {argument} is a custom function ({_short(value)}); code of a file is not run")
        entry = {"class_name": value["class_name"], "config": config}
        return checked_activation(argument, layer(**engine_arguments(entry, keras, [], [])))
    return HARD_SIGMOID_OF_KERAS[keras] if value == "hard_sigmoid" else value


def _plain(label: str, argument: str, value: Any) -> Any:
    """A value as the engine's layers take it."""
    if argument == "axis" and isinstance(value, list) and len(value) == 1:
        return value[0]
    if isinstance(value, dict):
        raise ValueError(f"{label}: {argument} is not offered here: {_short(value)}")
    return value


def _leave_out(label: str, argument: str, value: Any, untrainable: list[str], remarks: list[str]) -> None:
    """Say what becomes of a rule that the engine has not: initializers do nothing to weights that are known."""
    if argument.endswith("initializer"):
        name = value.get("class_name") if isinstance(value, dict) else value
        remarks.append(f"{label}: {argument} {_short(name)} is not offered; it does nothing to the weights of the file")
    else:
        untrainable.append(f"{label}: {argument}={_short(value)}")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
