"""Name classes of one's own (losses, optimizers, layers, ...), so that configurations, files and programs know them.

    @engine.register
    class LogCosh(engine.losses.Loss): ...

A room that has classes with names keeps them in a Registry of their base class; `register` finds the right one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Generic, TypeVar, overload

from engine.keras_objects import snake_case
from engine.support.validation import one_of

T = TypeVar("T")

_REGISTRIES: "list[Registry[Any]]" = []
_GIVEN: ContextVar[Mapping[str, Any]] = ContextVar("given", default=MappingProxyType({}))


class Registry(Mapping[str, Callable[..., T]], Generic[T]):
    """The classes of one base, by name. It is a mapping from names to classes.

    Args:
        what: one of them in a word, such as "loss"; begins error messages.
        base: the class that all are derived from.
        classes: those that the engine has, under their class names, which nobody can replace.
        check: is given a class that is to be registered and raises ValueError where it cannot work.
        aliases: further names for the engine's own classes.
        spelling: turns a class name into the one that people type; a class attribute `name` goes before it.
    """

    def __init__(
        self,
        what: str,
        base: Any,
        classes: Iterable[Callable[..., T]],
        check: Callable[[Any], None] = lambda cls: None,
        aliases: Mapping[str, Callable[..., T]] = MappingProxyType({}),
        spelling: Callable[[str], str] = snake_case,
    ) -> None:
        self.what, self.base = what, base
        self._check, self._aliases, self._spelling = check, aliases, spelling
        self._built_in: dict[str, Any] = {cls.__name__: cls for cls in classes}
        self._classes = dict(self._built_in)
        _REGISTRIES.append(self)

    @property
    def _known(self) -> dict[str, Any]:
        given = {
            name: cls for name, cls in _GIVEN.get().items() if isinstance(cls, type) and issubclass(cls, self.base)
        }
        return {**self._classes, **given}

    def __getitem__(self, name: str) -> Any:
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def add(self, cls: Any, name: str) -> None:
        """Register a class under a name; a class that is defined anew, as in a notebook, replaces the one before.

        Raises ValueError: the name is the engine's or another class's, or the class cannot work.
        """
        before = self._classes.get(name)
        if name in self._built_in or (before is not None and _origin(before) != _origin(cls)):
            raise ValueError(
                f"name: {name!r} is the name of another {self.what}; choose one with engine.register(cls, name=...)"
            )
        self._check(cls)
        self._classes[name] = cls

    def find(self, name: Any) -> Any:
        """Return the class that a name means, in any spelling: "MeanSquaredError", "mean_squared_error", "MSE".

        Raises ValueError: no class has that name; the error lists those that there are.
        """
        if isinstance(name, str) and name in self._known:
            return self._known[name]
        known = {**{self._spelled(key): cls for key, cls in self._known.items()}, **self._aliases}
        lower = {key.lower(): cls for names in (self._known, known) for key, cls in names.items()}
        plain = name.lower() if isinstance(name, str) else None
        return lower[plain] if plain in lower else one_of(self.what, name, known)

    def _spelled(self, key: str) -> str:
        own = self._known[key].__dict__.get("name")
        return own if isinstance(own, str) else self._spelling(key)

    def name_of(self, cls: type) -> str | None:
        """The name that a class has here; None for a class that is not registered."""
        return next((name for name, known in self._known.items() if known is cls), None)

    def nearest(self, cls: type) -> str | None:
        """The engine's own class that this one is or is derived from, by name; None where there is none."""
        return next((base.__name__ for base in cls.__mro__ if self._built_in.get(base.__name__) is base), None)


@overload
def register(cls: type[T], name: str | None = None) -> type[T]: ...


@overload
def register(cls: None = None, name: str | None = None) -> Callable[[type[T]], type[T]]: ...


def register(cls: type[T] | None = None, name: str | None = None) -> type[T] | Callable[[type[T]], type[T]]:
    """Register a class of one's own; a decorator, with or without arguments.

    Args:
        cls: a subclass of Loss (engine.losses), Metric (engine.metrics), Optimizer (engine.optimizers),
            LearningRateSchedule (engine.schedules) or Layer (engine.layers).
        name: that configurations and files call it by; default: the class's own.

    Returns the class. A program that loads a file with it registers it first. Raises ValueError: the name is taken, or
    the class has no such base or cannot work.
    """
    if cls is None:
        return lambda later: register(later, name)
    registry = _registry_of(cls) if isinstance(cls, type) else None
    if registry is None:
        known = ", ".join(registry.base.__name__ for registry in _REGISTRIES)
        raise ValueError(f"cls: expected a subclass of one of {known}, got {cls!r}")
    registry.add(cls, cls.__name__ if name is None else name)
    return cls


@contextmanager
def custom_objects(classes: Mapping[str, Any] | None) -> Iterator[None]:
    """Inside, these classes and loss functions are known by these names, before registered ones; in this thread alone.

    Raises ValueError: one of them is a class without a base that `register` takes, or is neither class nor function.
    """
    for name, cls in (classes or {}).items():
        if not callable(cls) or (isinstance(cls, type) and _registry_of(cls) is None):
            bases = ", ".join(registry.base.__name__ for registry in _REGISTRIES)
            raise ValueError(
                f"custom_objects: {name!r}: expected a subclass of one of {bases}, or a loss's function, got {cls!r}"
            )
    token = _GIVEN.set({**_GIVEN.get(), **(classes or {})})
    try:
        yield
    finally:
        _GIVEN.reset(token)


def given_function(name: str) -> Callable[..., Any] | None:
    """The function that custom_objects knows by this name; None where there is none."""
    found = _GIVEN.get().get(name)
    return found if callable(found) and not isinstance(found, type) else None


def name_of(cls: type) -> str:
    """The name that configurations and files call a class by: the one it was registered under, else its own."""
    registry = _registry_of(cls)
    return (registry and registry.name_of(cls)) or cls.__name__


def is_registered(cls: type) -> bool:
    """Tell whether a configuration or file that names this class can be read."""
    registry = _registry_of(cls)
    return registry is not None and registry.name_of(cls) is not None


def _registry_of(cls: type) -> "Registry[Any] | None":
    return next((registry for base in cls.__mro__ for registry in _REGISTRIES if registry.base is base), None)


def _origin(cls: Any) -> tuple[str, str]:
    return cls.__module__, cls.__qualname__
