"""Combinations of two arrays, each with its gradients; kernels/combinations.py has the formulas."""

from collections.abc import Callable

import numpy as np

from kernels.arrays import HostArray
from kernels.combinations import Combination, CombinationSpec
from kernels.tables import require

Forward = Callable[[HostArray, HostArray], HostArray]
Backward = Callable[[HostArray, HostArray, HostArray], tuple[HostArray, HostArray]]

FUNCTIONS: dict[Combination, Callable[[float, float], tuple[Forward, Backward]]] = {
    "sum": lambda p, q: (lambda a, b: p * a + q * b, lambda dy, a, b: (p * dy, q * dy)),
    "product": lambda p, q: (np.multiply, lambda dy, a, b: (dy * b, dy * a)),
    "maximum": lambda p, q: (np.maximum, lambda dy, a, b: (np.where(a < b, 0.0, dy), np.where(a < b, dy, 0.0))),
    "minimum": lambda p, q: (np.minimum, lambda dy, a, b: (np.where(b < a, 0.0, dy), np.where(b < a, dy, 0.0))),
}
"""By name, for factors p and q: y of a and b, and da and db of dy, a and b."""


class CombinationOperation:
    """See kernels.combinations.CombinationOperation. Raises ValueError: FUNCTIONS lacks it."""

    def __init__(self, spec: CombinationSpec) -> None:
        require("kind", spec.kind, FUNCTIONS, "reference")
        self._forward, self._backward = FUNCTIONS[spec.kind](*spec.factors)

    def forward(self, a: HostArray, b: HostArray, y: HostArray) -> None:
        y[...] = self._forward(a, b)

    def backward(self, dy: HostArray, a: HostArray, b: HostArray, da: HostArray | None, db: HostArray | None) -> None:
        for target, gradient in zip((da, db), self._backward(dy, a, b), strict=True):
            if target is not None:
                target[...] = gradient
