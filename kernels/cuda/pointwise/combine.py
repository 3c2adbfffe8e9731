"""Launches combine.cu: two arrays of one shape made into one, element by element."""

from typing import Any

from kernels.arrays import Array
from kernels.combinations import COMBINATIONS, CombinationSpec
from kernels.cuda.common.elementwise import THREADS, blocks, quads
from kernels.cuda.launch.launch import Runtime
from kernels.cuda.launch.source import words_of
from kernels.cuda.pointwise.pieces import Kernels
from kernels.tables import constants, implemented, require

_SOURCE = "pointwise/combine.cu"

IMPLEMENTED = implemented("COMBINATION", COMBINATIONS, words_of(_SOURCE))
"""The combinations that combine.cu has a branch for."""


def combine_kernels(runtime: Runtime) -> Kernels:
    """The kernels of combine.cu."""
    return Kernels(runtime, _SOURCE, constants("COMBINATION", COMBINATIONS))


class CombinationOperation:
    """See kernels.combinations.CombinationOperation; one launch each way. Raises ValueError: IMPLEMENTED lacks it.

    Args:
        kernels: those of combine.cu.
    """

    def __init__(self, kernels: Kernels, spec: CombinationSpec) -> None:
        require("kind", spec.kind, IMPLEMENTED, "cuda")
        self._kernels = kernels
        p, q = spec.factors
        self._numbers: dict[str, Any] = {"kind": COMBINATIONS[spec.kind].code, "p": p, "q": q}

    def forward(self, a: Array, b: Array, y: Array) -> None:
        self._launch("combine", {"quads": quads(y.size, a, b, y)}, a=a, b=b, y=y)

    def backward(self, dy: Array, a: Array, b: Array, da: Array | None, db: Array | None) -> None:
        self._launch("combine_backward", {}, dy=dy, a=a, b=b, da=da, db=db)

    def _launch(self, name: str, numbers: dict[str, Any], **arrays: Any) -> None:
        n = next(iter(arrays.values())).size
        kernel = self._kernels(name, dict.fromkeys(arrays, n), tuple(set(arrays) & {"da", "db"}))
        kernel(blocks(n), (THREADS,), n=n, **arrays, **self._numbers, **numbers)
