"""Two arrays of one shape made into one, element by element: an entry each, from which back ends and tests take it.

To add one: an entry here, and its branches in kernels/reference/combinations.py, kernels/cpu/pointwise/combinations.py
and kernels/cuda/pointwise/combine.cu. A back end without them refuses it by name.
"""

from dataclasses import dataclass
from typing import Protocol

from kernels.arrays import ArrayT_contra

Combination = str
"""A name in COMBINATIONS."""


@dataclass(frozen=True)
class CombinationEntry:
    """A function y of a and b.

    Attributes:
        code: the number that compiled kernels know it by.
        formula: a statement that makes y from a and b, and from the factors p and q.
        da, db: expressions in dy, a, b, p and q. Where a and b are equal, an extremum is a's, as in TensorFlow.
    """

    code: int
    formula: str
    da: str
    db: str


COMBINATIONS: dict[Combination, CombinationEntry] = {
    "sum": CombinationEntry(0, "y = p * a + q * b", "p * dy", "q * dy"),
    "product": CombinationEntry(1, "y = a * b", "dy * b", "dy * a"),
    "maximum": CombinationEntry(2, "y = maximum(a, b)", "where(a < b, 0, dy)", "where(a < b, dy, 0)"),
    "minimum": CombinationEntry(3, "y = minimum(a, b)", "where(b < a, 0, dy)", "where(b < a, dy, 0)"),
}
"""By name. Factors are read by the sum alone; an extremum of a NaN and a number is NaN."""


@dataclass(frozen=True)
class CombinationSpec:
    """What an operation is bound to.

    Attributes:
        kind: a name in COMBINATIONS.
        factors: p and q of a sum.
    """

    kind: Combination
    factors: tuple[float, float] = (1.0, 1.0)


class CombinationOperation(Protocol[ArrayT_contra]):
    """A combination on a back end; arrays of any one shape."""

    def forward(self, a: ArrayT_contra, b: ArrayT_contra, y: ArrayT_contra) -> None:
        """Write y; it may be a or b."""

    def backward(
        self, dy: ArrayT_contra, a: ArrayT_contra, b: ArrayT_contra, da: ArrayT_contra | None, db: ArrayT_contra | None
    ) -> None:
        """Write da and db, unless they are None; one of them may be dy. A sum does not look at a and b."""
