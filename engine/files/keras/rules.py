"""Initializers, regularizers and constraints in Keras' files: under names that every Keras has, and back."""

from typing import Any

from engine.constraints import get_constraint
from engine.initializers import get_initializer
from engine.keras_objects import serialize
from engine.regularizers import get_regularizer

Config = dict[str, Any]

_SCALINGS: dict[str, tuple[float, str, str]] = {
    "GlorotUniform": (1.0, "fan_avg", "uniform"),
    "GlorotNormal": (1.0, "fan_avg", "truncated_normal"),
    "HeUniform": (2.0, "fan_in", "uniform"),
    "HeNormal": (2.0, "fan_in", "truncated_normal"),
    "LecunUniform": (1.0, "fan_in", "uniform"),
    "LecunNormal": (1.0, "fan_in", "truncated_normal"),
}
"""Scale, mode and distribution of VarianceScaling, as which Keras 2.3 has these."""

_MOST_AXES = 5


def described(argument: str, value: Any, keras: int) -> tuple[str, Config] | None:
    """Class name and arguments of what a layer's get_config says, as a file for this Keras must have them."""
    if value is None:
        return None
    if argument.endswith("initializer"):
        value = serialize(get_initializer(argument, value))
    name, config = value["class_name"], dict(value["config"])
    if name in _SCALINGS:
        scale, mode, distribution = _SCALINGS[name]
        name, config = "VarianceScaling", {"scale": scale, "mode": mode, "distribution": distribution, **config}
    if keras == 2 and config.get("distribution") == "truncated_normal":
        config["distribution"] = "normal"
    if keras == 2 and name in ("L1", "L2"):
        name, config = "L1L2", {"l1": 0.0, "l2": 0.0, **config}
    return name, config


def understood(argument: str, value: Any) -> Any:
    """The object that a file's description means; ValueError if the engine has no such thing."""
    if isinstance(value, dict) and isinstance(value.get("config"), dict):
        # arguments that later Kerases added do nothing where they are None
        value = {**value, "config": {key: item for key, item in value["config"].items() if item is not None}}
    if argument.endswith("initializer"):
        return get_initializer(argument, _by_name(value))
    if argument.endswith("regularizer"):
        return get_regularizer(argument, value)
    return get_constraint(argument, value, _MOST_AXES)  # the layer checks the axes


def _by_name(value: Any) -> Any:
    """A VarianceScaling that has a name of its own, by that name."""
    if not isinstance(value, dict) or value.get("class_name") != "VarianceScaling":
        return value
    config = dict(value.get("config") or {})
    given = config.pop("scale", 1.0), config.pop("mode", "fan_in"), config.pop("distribution", "truncated_normal")
    if given[2] == "normal":
        given = *given[:2], "truncated_normal"
    name = next((name for name, scaling in _SCALINGS.items() if scaling == given), None)
    return value if name is None else {"class_name": name, "config": config}
