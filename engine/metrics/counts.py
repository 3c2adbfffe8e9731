"""Metrics that are ratios of counts: of predictions that pass a threshold, or many."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.metrics.base import Measure, Metric, refuse
from engine.support.validation import in_range, integer, one_of
from kernels import Backend
from kernels.arrays import HostArray
from kernels.specs import CountsSpec

_MARGIN = 1e-7
"""Keras' epsilon, which puts the first threshold of a curve below 0 and the last above 1."""


class CountingMetric(Metric):
    """A metric of how many elements pass thresholds, apart for targets that are off and on; batches are added."""

    larger_is_better = True
    of_rows = False

    def __init__(self, name: str, counts: CountsSpec) -> None:
        self.counts = counts
        super().__init__(name, "binary_accuracy")
        self.from_logits = counts.from_logits

    @property
    def width(self) -> int:
        return 2 * (len(self.counts.thresholds) + 1)

    def fits(self, classes: bool) -> bool:
        return not classes

    def bind(self, backend: Backend, shape: tuple[int, ...], classes: bool, logits: bool) -> Measure:
        old = self.counts
        spec = CountsSpec(old.thresholds, old.inclusive, old.from_logits or logits, old.truth)
        return backend.threshold_counts(spec).count

    def positives(self, rows: HostArray) -> tuple[HostArray, HostArray, HostArray, HostArray]:
        """True and false positives, true and false negatives at each threshold."""
        off, on = rows.sum(axis=0).reshape(2, -1)
        true, false = np.cumsum(on[::-1])[::-1][1:], np.cumsum(off[::-1])[::-1][1:]
        return true, false, off.sum() - false, on.sum() - true


class Precision(CountingMetric):
    """Share that is on of the elements that are predicted so: where (prediction > threshold), how often target != 0.

    Args:
        thresholds: one number, default 0.5; several, top_k and class_id are refused.
        name: default "precision".
    """

    arguments = ("thresholds",)

    def __init__(
        self, thresholds: float | None = None, top_k: None = None, class_id: None = None, name: str = "precision"
    ) -> None:
        refuse("Precision", top_k=top_k, class_id=class_id)
        self.thresholds = _one_threshold(thresholds)
        super().__init__(name, CountsSpec((self.thresholds,)))

    def result(self, rows: HostArray, movies: Sequence[float]) -> float:
        true, false, _, _ = self.positives(rows)
        return float(_ratio(true, true + false)[0])


class Recall(CountingMetric):
    """Share that is predicted so of the elements that are on: where target != 0, how often prediction > threshold.

    Args:
        thresholds: one number, default 0.5; several, top_k and class_id are refused.
        name: default "recall".
    """

    arguments = ("thresholds",)

    def __init__(
        self, thresholds: float | None = None, top_k: None = None, class_id: None = None, name: str = "recall"
    ) -> None:
        refuse("Recall", top_k=top_k, class_id=class_id)
        self.thresholds = _one_threshold(thresholds)
        super().__init__(name, CountsSpec((self.thresholds,)))

    def result(self, rows: HostArray, movies: Sequence[float]) -> float:
        true, _, _, missed = self.positives(rows)
        return float(_ratio(true, true + missed)[0])


class CSI(CountingMetric):
    """Critical success index, hits / (hits + misses + false alarms), also called intersection over union.

    "On" means at least the threshold, in prediction and target. With nothing on in either it is NaN.

    Args:
        threshold: default 0.5.
        name: default "csi".
    """

    arguments = ("threshold",)

    def __init__(self, threshold: float = 0.5, name: str = "csi") -> None:
        self.threshold = in_range("threshold", threshold, -math.inf, math.inf)
        super().__init__(name, CountsSpec((self.threshold,), inclusive=True, truth=self.threshold))

    def result(self, rows: HostArray, movies: Sequence[float]) -> float:
        hits, false_alarms, _, misses = (float(each[0]) for each in self.positives(rows))
        either = hits + misses + false_alarms
        return hits / either if either else math.nan


class AUC(CountingMetric):
    """The area under a curve of rates at many thresholds, as Keras approximates it.

    Args:
        num_thresholds: how many, evenly from 0 to 1; default 200.
        curve: "ROC" (default), recall over the rate of false positives; "PR", precision over recall.
        summation_method: "interpolation" (default), "minoring" or "majoring" of the steps between thresholds.
        name: default "auc".
        thresholds: those between 0 and 1, in place of num_thresholds.
        from_logits: predictions are logits.
        multi_label, num_labels, label_weights: refused; all channels count alike.
    """

    arguments = ("num_thresholds", "curve", "summation_method", "thresholds", "from_logits")

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str = "auc",
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: None = None,
        label_weights: None = None,
        from_logits: bool = False,
    ) -> None:
        refuse("AUC", multi_label=multi_label, num_labels=num_labels, label_weights=label_weights)
        self.num_thresholds = integer("num_thresholds", num_thresholds, 2)
        self.curve = one_of("curve", curve, ["ROC", "PR"])
        self.summation_method = one_of("summation_method", summation_method, ["interpolation", "minoring", "majoring"])
        between = [number / (num_thresholds - 1) for number in range(1, num_thresholds - 1)]
        self.thresholds = None
        if thresholds is not None:
            between = sorted(in_range("thresholds", value, 0.0, 1.0) for value in thresholds)
            self.thresholds, self.num_thresholds = between, len(between) + 2
        spec = CountsSpec((-_MARGIN, *between, 1.0 + _MARGIN), from_logits=bool(from_logits))
        super().__init__(name, spec)

    def result(self, rows: HostArray, movies: Sequence[float]) -> float:
        true, false, right, missed = self.positives(rows)
        if self.curve == "PR" and self.summation_method == "interpolation":
            return _interpolated_area(true, false, missed)
        recall = _ratio(true, true + missed)
        x, y = (_ratio(false, false + right), recall) if self.curve == "ROC" else (recall, _ratio(true, true + false))
        heights = {
            "interpolation": (y[:-1] + y[1:]) / 2.0,
            "minoring": np.minimum(y[:-1], y[1:]),
            "majoring": np.maximum(y[:-1], y[1:]),
        }[self.summation_method]
        return float(((x[:-1] - x[1:]) * heights).sum())


def _interpolated_area(true: HostArray, false: HostArray, missed: HostArray) -> float:
    """The area under precision over recall (Davis and Goadrich 2006): counts go linearly between thresholds."""
    positive = true + false
    gained, more = true[:-1] - true[1:], positive[:-1] - positive[1:]
    slope = _ratio(gained, np.maximum(more, 0.0))
    intercept = true[1:] - slope * positive[1:]
    both = (positive[:-1] > 0) & (positive[1:] > 0)
    growth = np.where(both, _ratio(positive[:-1], np.maximum(positive[1:], 0.0)), 1.0)
    areas = _ratio(slope * (gained + intercept * np.log(growth)), true[1:] + missed[1:])
    return float(areas.sum())


def _ratio(part: HostArray, whole: HostArray) -> HostArray:
    """part / whole, 0 where whole is 0."""
    return np.divide(part, whole, out=np.zeros_like(part, dtype=np.float64), where=whole != 0)


def _one_threshold(value: Any) -> float:
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    if isinstance(value, list | tuple):
        raise ValueError(f"thresholds: expected one number, got {value!r}; give a metric for each")
    return 0.5 if value is None else in_range("thresholds", value, 0.0, 1.0)
