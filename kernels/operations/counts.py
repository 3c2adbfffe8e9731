"""Counts at thresholds: how many predictions pass how many of them."""

from abc import ABC, abstractmethod
from typing import Generic

from kernels.arrays import ArrayT


class ThresholdCounts(ABC, Generic[ArrayT]):
    """How many elements pass how many thresholds, apart for targets that are off and on.

        counts[0, b] = number of elements whose target is off and whose prediction passes exactly b thresholds
        counts[1, b] = the same where the target is on

    Bound to a CountsSpec of T thresholds. Allocates nothing in a call but what it needs once.
    """

    @abstractmethod
    def count(self, output: ArrayT, target: ArrayT, counts: ArrayT) -> None:
        """Write counts (2 * (T + 1),) float64; output and target are of any one shape."""
