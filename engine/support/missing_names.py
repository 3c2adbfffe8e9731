"""What a module of public names says of one that it has not: the nearest, all that there is, or why it is not there."""

import dis
import sys
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any

REASONS = {
    "ConvLSTM3D": "it would need a third axis in every kernel; nearest comes a ConvLSTM2D on frames whose channels are "
    "the slices of the volume",
    "Masking": "no layer here skips the steps of a mask, nor can Keras' own ConvLSTM2D; leave such steps out of the "
    "data, or give their targets no sample_weight",
    "Lambda": "files could not hold its function; write a class of your own (engine.Layer, docs/adding/layer.md)",
    "GRU": "its gates have no kernels here; LSTM has",
    "SimpleRNN": "LSTM is what there is",
}
"""Names of Keras that are left out on purpose, and what to do."""


def refuse_missing(namespace: Mapping[str, Any], modules: Sequence[str] = ()) -> Callable[[str], Any]:
    """Make the __getattr__ of a module, for names that it has not.

    `from module import Name` raises ImportError, anything else AttributeError, as Python does; both say what exists.

    Args:
        namespace: the module's globals(); its public names are those of __all__, or the classes and functions that it
            defines.
        modules: below it, which are imported when they are first named.
    """
    module: str = namespace["__name__"]

    def __getattr__(name: str) -> Any:
        if name in modules:
            return import_module(f"{module}.{name}")
        if name.startswith("_"):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        asking = sys._getframe(1)
        importing = asking.f_code.co_code[asking.f_lasti] == dis.opmap["IMPORT_FROM"]
        raise (ImportError if importing else AttributeError)(_message(module, _public(namespace), name))

    return __getattr__


def _public(namespace: Mapping[str, Any]) -> list[str]:
    if "__all__" in namespace:
        return sorted(name for name in namespace["__all__"] if not name.startswith("_"))
    own = (name for name, value in namespace.items() if getattr(value, "__module__", None) == namespace["__name__"])
    return sorted(name for name in own if not name.startswith("_"))


def _message(module: str, names: list[str], name: str) -> str:
    if name in REASONS:
        return f"{module} has no {name!r}: {REASONS[name]}"
    by_lower = {each.lower(): each for each in names}
    near = [by_lower[each] for each in get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)]
    nearest = f"; the nearest: {', '.join(near)}" if near else ""
    return f"{module} has no {name!r}{nearest}; it has {', '.join(names)}"
