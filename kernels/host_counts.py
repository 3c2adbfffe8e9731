"""Counts at thresholds on the host."""

from typing import Any

import numpy as np

from kernels.arrays import HostArray
from kernels.operations import ThresholdCounts
from kernels.specs import CountsSpec


class HostThresholdCounts(ThresholdCounts[HostArray]):
    """Counts by NumPy's binary search."""

    def __init__(self, spec: CountsSpec, dtype: np.dtype[Any]) -> None:
        self._spec, self._limits = spec, spec.limits(dtype)

    def count(self, output: HostArray, target: HostArray, counts: HostArray) -> None:
        p, y = output.reshape(-1), target.reshape(-1)
        if self._spec.from_logits:
            p = 0.5 * np.tanh(0.5 * p) + 0.5
        passed = np.searchsorted(self._limits, p, side="left")
        on = y != 0 if self._spec.truth is None else y >= y.dtype.type(self._spec.truth)
        bins = len(self._limits) + 1
        counts[...] = np.bincount(passed + bins * on, minlength=2 * bins)
