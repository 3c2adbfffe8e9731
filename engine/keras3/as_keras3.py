"""Classes of the engine with Keras 3's defaults, whose instances are the engine's own."""

import inspect
from typing import Any

from engine.support.keras3_differences import ACTIVATIONS, DEFAULTS


def as_keras3(cls: Any) -> Any:
    """The class with Keras 3's defaults, or the class itself where they are the same.

    Calling it makes an instance of the engine's class, so that files, exporters and isinstance know no other; a
    subclass of it is a subclass of the engine's class with these defaults.
    """
    parameters = inspect.signature(cls).parameters
    named = [name for name in parameters if name.endswith("activation")]
    defaults = {name: value for name, value in DEFAULTS.get(cls.__name__, {}).items() if name in parameters}
    if not named and not defaults:
        return cls

    class Keras3(cls, metaclass=_made_of(cls)):  # type: ignore[metaclass]
        def __init__(self, *given: Any, **options: Any) -> None:
            super().__init__(**_completed(parameters, defaults, given, options))

    changed = [each.replace(default=defaults[name]) if name in defaults else each for name, each in parameters.items()]
    Keras3.__signature__ = inspect.Signature(changed)
    Keras3.__name__, Keras3.__qualname__ = cls.__name__, cls.__qualname__
    words = [f"{name}={value!r}" for name, value in defaults.items()] or ["its hard_sigmoid"]
    Keras3.__doc__ = f"{inspect.getdoc(cls)}\n\nHere as in Keras 3: {', '.join(words)}."
    Keras3.__module__ = __name__
    Keras3._keras3_of = cls
    return Keras3


def _made_of(cls: Any) -> Any:
    """The metaclass of a class whose calls make instances of `cls`."""

    class MadeOf(type(cls)):  # type: ignore[misc]
        def __call__(kind, *given: Any, **options: Any) -> Any:  # a class is what is called
            if "_keras3_of" not in kind.__dict__:
                return super().__call__(*given, **options)
            parameters = inspect.signature(cls).parameters
            defaults = DEFAULTS.get(cls.__name__, {})
            return cls(**_completed(parameters, defaults, given, options))

        def __instancecheck__(kind, instance: Any) -> bool:
            return isinstance(instance, cls) if "_keras3_of" in kind.__dict__ else super().__instancecheck__(instance)

    return MadeOf


def _completed(parameters: Any, defaults: dict[str, Any], given: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Arguments by name, with Keras 3's defaults, and its names of activations in the engine's words."""
    if len(given) > len(parameters):
        raise TypeError(f"expected at most {len(parameters)} arguments without names, got {len(given)}")
    named = dict(zip(parameters, given, strict=False))
    if twice := sorted(named.keys() & options.keys()):
        raise TypeError(f"{twice[0]}: given twice")
    arguments = {**defaults, **named, **options}
    return {
        name: ACTIVATIONS.get(value, value) if name.endswith("activation") and isinstance(value, str) else value
        for name, value in arguments.items()
    }
