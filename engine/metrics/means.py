"""Metrics that are made of the mean of a term."""

import math
from collections.abc import Sequence

from engine.metrics.base import Metric
from kernels.arrays import HostArray


class MeanSquaredError(Metric):
    """The mean of (p - y)^2."""

    def __init__(self, name: str = "mean_squared_error") -> None:
        super().__init__(name, "mean_squared_error")


class MeanAbsoluteError(Metric):
    """The mean of |p - y|."""

    def __init__(self, name: str = "mean_absolute_error") -> None:
        super().__init__(name, "mean_absolute_error")


class RootMeanSquaredError(Metric):
    """The root of the mean of (p - y)^2 over all batches together.

    Args:
        name: default "root_mean_squared_error".
    """

    arguments = ()

    def __init__(self, name: str = "root_mean_squared_error") -> None:
        super().__init__(name, "mean_squared_error")

    def result(self, rows: HostArray, movies: Sequence[float]) -> float:
        return math.sqrt(super().result(rows, movies))


class CosineSimilarity(Metric):
    """The mean cosine of the angle between the rows of prediction and target: 1 where they point the same way.

    Args:
        name: default "cosine_similarity".
        axis: -1, the last one; others are refused.
    """

    arguments = ("axis",)
    larger_is_better = True

    def __init__(self, name: str = "cosine_similarity", axis: int = -1) -> None:
        if axis != -1:
            raise ValueError(f"axis: expected -1, the last axis, got {axis!r}")
        super().__init__(name, "cosine_similarity")
        self.axis = axis

    def result(self, rows: HostArray, movies: Sequence[float]) -> float:
        return -super().result(rows, movies)
