"""Numba's njit with a cache on disk that may be missing, full or damaged: functions are then compiled again, no more.

Where a cache is kept: the folder that the environment's NUMBA_CACHE_DIR names, else `__pycache__` beside the source,
else the user's cache folder.
"""

import pickle
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numba

_DAMAGED = (pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, AttributeError, ImportError, IndexError)
"""What reading a damaged file of Numba's may raise."""


def cached_njit(function: Callable[..., Any], **options: Any) -> Any:
    """numba.njit(function, cache=True, **options); without a cache, and with a warning, where none can be kept."""
    try:
        dispatcher = numba.njit(cache=True, **options)(function)
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
        _warn("no folder for compiled kernels can be written")
        return numba.njit(**options)(function)
    dispatcher._cache = _Forgiving(dispatcher._cache)
    return dispatcher


def is_cached(dispatcher: Any) -> bool:
    """Whether cached_njit found a place for it."""
    return isinstance(dispatcher._cache, _Forgiving)


@cache
def _warn(what: str) -> None:
    """Once in a process."""
    warnings.warn(
        f"{what}: they are compiled anew in every process; NUMBA_CACHE_DIR in the environment names another folder",
        stacklevel=4,
    )


class _Forgiving:
    """A function's cache on disk. What cannot be read is not there, and what cannot be written is done without."""

    def __init__(self, cache: Any) -> None:
        self._cache = cache

    def load_overload(self, *arguments: Any) -> Any:
        """The compiled code for these types, None if it is not there."""
        try:
            return self._cache.load_overload(*arguments)
        except (*_DAMAGED, OSError):
            self._forget()
            return None

    def save_overload(self, *arguments: Any) -> None:
        """Keep it."""
        try:
            self._cache.save_overload(*arguments)
        except OSError as error:
            _warn(f"compiled kernels cannot be kept in {self._cache.cache_path} ({error.strerror or error})")

    def _forget(self) -> None:
        """Begin with an empty index: what a damaged one lists cannot be told apart."""
        try:
            self._cache.flush()
        except OSError:
            return

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cache, name)
