"""What is counted at thresholds, for metrics such as precision, recall and the area under a curve."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels.arrays import HostArray


@dataclass(frozen=True)
class CountsSpec:
    """How predictions and targets are told on from off.

    Attributes:
        thresholds: ascending; a prediction passes those that it exceeds.
        inclusive: it also passes one that it equals.
        from_logits: predictions are logits z, and 1 / (1 + exp(-z)) is what is compared.
        truth: a target is on from this value on; None: where it is not 0.

    Raises ValueError: thresholds are none, or not ascending.
    """

    thresholds: tuple[float, ...]
    inclusive: bool = False
    from_logits: bool = False
    truth: float | None = None

    def __post_init__(self) -> None:
        if not self.thresholds or list(self.thresholds) != sorted(self.thresholds):
            raise ValueError(f"thresholds: expected at least one, ascending, got {self.thresholds}")

    def limits(self, dtype: np.dtype[Any]) -> HostArray:
        """The thresholds in a floating-point type, such that a prediction passes those that it exceeds."""
        rounded = np.array(self.thresholds).astype(dtype)
        return np.nextafter(rounded, dtype.type(-np.inf)) if self.inclusive else rounded
