"""Combinations of two arrays, one vector at a time; kernels/combinations.py has the formulas.

Arrays are flat; each thread has a part of them, and no element depends on another.
"""

import math
from typing import Any

import numpy as np

from kernels.arrays import Array, HostArray
from kernels.combinations import COMBINATIONS, CombinationSpec
from kernels.cpu.compile.extrema import larger, smaller
from kernels.cpu.compile.jit import claim_threads, jit, parallel, prange
from kernels.cpu.compile.vector import Vector, lanes, load_first, select_less, store_first
from kernels.tables import constants, implemented, require

_CODES = constants("COMBINATION", COMBINATIONS)
COMBINATION_SUM = _CODES["COMBINATION_SUM"]
COMBINATION_PRODUCT = _CODES["COMBINATION_PRODUCT"]
COMBINATION_MAXIMUM = _CODES["COMBINATION_MAXIMUM"]
COMBINATION_MINIMUM = _CODES["COMBINATION_MINIMUM"]


@jit
def combined(kind: int, p: float, q: float, a: Vector, b: Vector) -> Vector:
    """y of a and b; NaN for a code that has no branch here."""
    if kind == COMBINATION_SUM:
        y = a * p + b * q
    elif kind == COMBINATION_PRODUCT:
        y = a * b
    elif kind == COMBINATION_MAXIMUM:
        y = larger(a, b)
    elif kind == COMBINATION_MINIMUM:
        y = smaller(a, b)
    else:
        y = a * math.nan
    return y


@jit
def to_first(kind: int, p: float, dy: Vector, a: Vector, b: Vector) -> Vector:
    """da; NaN for a code that has no branch here."""
    if kind == COMBINATION_SUM:
        da = dy * p
    elif kind == COMBINATION_PRODUCT:
        da = dy * b
    elif kind == COMBINATION_MAXIMUM:
        da = select_less(a, b, 0.0, dy)
    elif kind == COMBINATION_MINIMUM:
        da = select_less(b, a, 0.0, dy)
    else:
        da = dy * math.nan
    return da


@jit
def to_second(kind: int, q: float, dy: Vector, a: Vector, b: Vector) -> Vector:
    """db; NaN for a code that has no branch here."""
    if kind == COMBINATION_SUM:
        db = dy * q
    elif kind == COMBINATION_PRODUCT:
        db = dy * a
    elif kind == COMBINATION_MAXIMUM:
        db = select_less(a, b, dy, 0.0)
    elif kind == COMBINATION_MINIMUM:
        db = select_less(b, a, dy, 0.0)
    else:
        db = dy * math.nan
    return db


IMPLEMENTED = implemented("COMBINATION", COMBINATIONS, combined.py_func.__code__.co_names)
"""The combinations that have a branch above."""


@parallel
def _forward(workers: int, kind: int, p: float, q: float, a: Array, b: Array, y: Array) -> None:
    """y of a and b; y may be one of them."""
    for worker in prange(workers):
        end = (worker + 1) * y.size // workers
        for here in range(worker * y.size // workers, end, lanes(y)):
            count = end - here
            store_first(y, here, combined(kind, p, q, load_first(a, here, count), load_first(b, here, count)), count)


@parallel
def _backward(
    workers: int, kind: int, p: float, q: float, dy: Array, a: Array, b: Array, da: Array, db: Array, need_da: bool,
    need_db: bool,
) -> None:  # fmt: skip
    """da and db, where needed; one of them may be dy."""
    for worker in prange(workers):
        end = (worker + 1) * dy.size // workers
        for here in range(worker * dy.size // workers, end, lanes(dy)):
            count = end - here
            dy_here = load_first(dy, here, count)
            a_here, b_here = load_first(a, here, count), load_first(b, here, count)
            if need_da:
                store_first(da, here, to_first(kind, p, dy_here, a_here, b_here), count)
            if need_db:
                store_first(db, here, to_second(kind, q, dy_here, a_here, b_here), count)


class CombinationOperation:
    """See kernels.combinations.CombinationOperation. Raises ValueError: IMPLEMENTED lacks it."""

    def __init__(self, spec: CombinationSpec, dtype: np.dtype[Any], workers: int) -> None:
        require("kind", spec.kind, IMPLEMENTED, "cpu")
        self._workers = workers
        self._numbers = (COMBINATIONS[spec.kind].code, *(dtype.type(factor) for factor in spec.factors))

    def forward(self, a: HostArray, b: HostArray, y: HostArray) -> None:
        claim_threads(self._workers)
        _forward(self._workers, *self._numbers, a.reshape(-1), b.reshape(-1), y.reshape(-1))

    def backward(self, dy: HostArray, a: HostArray, b: HostArray, da: HostArray | None, db: HostArray | None) -> None:
        claim_threads(self._workers)
        unwritten = dy  # compiled code takes an array there, and does not look at it
        arrays = (dy, a, b, unwritten if da is None else da, unwritten if db is None else db)
        flat = (array.reshape(-1) for array in arrays)
        _backward(self._workers, *self._numbers, *flat, da is not None, db is not None)
