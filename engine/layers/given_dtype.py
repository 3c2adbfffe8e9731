"""dtype as an argument of every layer, as Keras has it: a network computes in one dtype, and a layer's must be that."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np


def checked_dtype(dtype: Any) -> str | None:
    """The name of a dtype that networks have, or None; Keras' policies of one dtype are named like it."""
    name = getattr(dtype, "name", dtype)
    if name is None:
        return None
    try:
        found = np.dtype(name).name
    except TypeError:
        found = str(name)
    if found not in ("float32", "float64"):
        raise ValueError(
            f"dtype: expected 'float32' or 'float64', that of the network, got {dtype!r}; mixed precision is the "
            "network's, Sequential(precision='bfloat16')"
        )
    return found


def taking_dtype(init: Callable[..., None]) -> Callable[..., None]:
    """The __init__ of a class of layers, with dtype besides; the layer has it as given_dtype."""
    signature = inspect.signature(init)
    if "dtype" in signature.parameters:
        return init

    @functools.wraps(init)
    def with_dtype(self: Any, *given: Any, dtype: Any = None, **options: Any) -> None:
        init(self, *given, **options)
        if dtype is not None:
            self.given_dtype = checked_dtype(dtype)

    added = inspect.Parameter("dtype", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Any)
    *others, last = signature.parameters.values()
    places = [*others, added, last] if last.kind is last.VAR_KEYWORD else [*others, last, added]
    with_dtype.__signature__ = signature.replace(parameters=places)  # type: ignore[attr-defined]
    return with_dtype
