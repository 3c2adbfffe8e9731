"""Checks at the door. Each raises a ValueError that names the argument, what was expected and what came."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from kernels.arrays import HostArray


def positive_int(name: str, value: Any) -> int:
    """`value` as an int >= 1."""
    return integer(name, value, 1)


def integer(name: str, value: Any, least: int) -> int:
    """`value` as an int >= `least`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name}: expected an integer of at least {least}, got {value!r}")
    return int(value)


def boolean(name: str, value: Any) -> bool:
    """`value` if it is True or False."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name}: expected True or False, got {value!r}")
    return bool(value)


def odd_sizes(name: str, value: Any, length: int) -> tuple[int, ...]:
    """A kernel size: an odd integer, or `length` of them."""
    sizes = int_tuple(name, value, length)
    if any(size % 2 == 0 for size in sizes):
        raise ValueError(f"{name}: expected odd sizes (a centred kernel), got {value!r}")
    return sizes


def int_tuple(name: str, value: Any, length: int) -> tuple[int, ...]:
    """One positive integer repeated, or a sequence of `length` of them."""
    if isinstance(value, int | np.integer):
        return (positive_int(name, value),) * length
    if not isinstance(value, Sequence) or len(value) != length:
        raise ValueError(f"{name}: expected an integer or {length} integers, got {value!r}")
    return tuple(positive_int(name, item) for item in value)


def one_of(name: str, value: Any, choices: Iterable[Any], hint: str = "") -> Any:
    """`value` if it is one of `choices`."""
    known = list(choices)
    if value not in known:
        listed = ", ".join(repr(choice) for choice in known)
        raise ValueError(f"{name}: expected one of {listed}, got {value!r}{'; ' + hint if hint else ''}")
    return value


def in_range(name: str, value: Any, low: float, high: float) -> float:
    """`value` as a float with low <= value <= high."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not low <= value <= high:
        raise ValueError(f"{name}: expected a number from {low:g} to {high:g}, got {value!r}")
    return float(value)


def finite_movies(name: str, value: Any, rank: int = 5, dtype: Any = None) -> HostArray:
    """`value` as a numeric array of the given rank with at least one element, and no NaN or infinity in it.

    dtype: that it will be cast to, in which it must be finite too; None (default): it stays as it is.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name}: expected an array of numbers ({error})") from None
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name}: expected an array of numbers, got dtype {array.dtype}")
    axes = "(movies, frames, height, width, channels)" if rank == 5 else f"{rank} axes"
    if array.ndim != rank:
        raise ValueError(f"{name}: expected {axes}, got shape {array.shape}")
    if array.size == 0:
        raise ValueError(
            f"{name}: expected at least one movie, frame, row, column and channel, got shape {array.shape}"
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = np.argwhere(~np.isfinite(array))[0].tolist()
        raise ValueError(f"{name}: expected finite numbers, got {array[tuple(bad)]} at index {bad}")
    if dtype is not None and array.dtype.kind == "f" and array.dtype.itemsize > np.dtype(dtype).itemsize:
        largest = float(np.finfo(dtype).max)
        if max(float(array.max()), -float(array.min())) > largest:
            bad = np.argwhere(np.abs(array) > largest)[0].tolist()
            raise ValueError(
                f"{name}: expected numbers that {np.dtype(dtype).name} holds, up to {largest:.3g}, got "
                f"{array[tuple(bad)]} at index {bad}"
            )
    return array
