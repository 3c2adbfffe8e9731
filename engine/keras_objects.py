"""Initializers, regularizers and constraints as Keras passes them around: an object, a name, or a config dict.

A name is the class's in either spelling ("VarianceScaling", "variance_scaling"); a dict is what Keras serialises,
{"class_name": ..., "config": {...}}, whatever else stands in it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class KerasObject:
    """A dataclass with a Keras name, whose fields are its config."""

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, JSON-able."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


def snake_case(name: str) -> str:
    """Return a class name in snake case, which Keras takes too."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def names_of(classes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the classes under both spellings of their names, "UnitNorm" and "unit_norm"."""
    return dict(classes) | {snake_case(name): value for name, value in classes.items()}


def get_object(argument: str, value: Any, base: type, makers: Mapping[str, Callable[..., Any]]) -> Any:
    """Return the object that a layer's argument stands for.

    Args:
        argument: its name, for messages.
        value: an instance of base, a name or a config dict.
        makers: name -> class or function, as names_of gives them.

    Raises ValueError: unknown name, or a config that the class does not take.
    """
    if isinstance(value, base):
        return value
    config: Any = {}
    name = value
    if isinstance(value, dict):
        name, config = value.get("class_name"), value.get("config") or {}
    if not isinstance(name, str) or name not in makers:
        known = ", ".join(repr(key) for key in makers if key == snake_case(key))
        raise ValueError(f"{argument}: expected one of {known}, by name, config or object, got {value!r}")
    try:
        return makers[name](**config)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{argument}: {name}: {error}") from None


def serialize(value: KerasObject | None) -> Any:
    """Return an object as a config for get_object, {"class_name", "config"}; None stays None."""
    return None if value is None else {"class_name": type(value).__name__, "config": value.get_config()}


def serialize_short(value: KerasObject) -> Any:
    """Return an object's name where all its arguments are defaults, else its config as of serialize."""
    default = {field.name: field.default for field in fields(value)}
    return snake_case(type(value).__name__) if asdict(value) == default else serialize(value)
