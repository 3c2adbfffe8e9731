"""What resampling is bound to: along each axis a banded matrix, whose rows average, repeat or interpolate."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from kernels.arrays import HostArray
from kernels.specs.convolution import Padding
from kernels.specs.spans import Span, covering, window_spans

Interpolation = Literal["bilinear", "bicubic", "lanczos3", "lanczos5"]


@dataclass(frozen=True)
class AxisWeights:
    """A banded matrix: output p is the sum over its span of weights[p][k] * x[first + k].

    Attributes:
        inputs: positions in.
        spans: what each output sees; may be nothing, then it is zero.
        weights: for each output as many as its span is long.
    """

    inputs: int
    spans: tuple[Span, ...]
    weights: tuple[tuple[float, ...], ...]

    @property
    def outputs(self) -> int:
        """Positions out."""
        return len(self.spans)

    @property
    def taps(self) -> int:
        """The length of the longest span."""
        return max(count for _, count in self.spans)

    @property
    def table(self) -> HostArray:
        """The weights (outputs, taps), zero where a span is shorter."""
        table = np.zeros((self.outputs, self.taps))
        for row, values in zip(table, self.weights, strict=True):
            row[: len(values)] = values
        return table

    @property
    def matrix(self) -> HostArray:
        """The whole matrix (outputs, inputs)."""
        matrix = np.zeros((self.outputs, self.inputs))
        for row, (first, count), values in zip(matrix, self.spans, self.weights, strict=True):
            row[first : first + count] = values
        return matrix

    @property
    def transposed(self) -> "AxisWeights":
        """The transposed matrix, through which gradients go."""
        spans = covering(self.spans, self.inputs)
        weights = tuple(
            tuple(self.weights[output][position - self.spans[output][0]] for output in range(first, first + count))
            for position, (first, count) in enumerate(spans)
        )
        return AxisWeights(self.outputs, spans, weights)


@dataclass(frozen=True)
class ResamplingSpec:
    """Frames, rows and columns each through a matrix: x (T,B,H,W,C) -> y (T',B,H',W',C).

    Attributes:
        frames, rows, columns: the matrices (T',T), (H',H), (W',W).
        training: whether backward will be called.
    """

    B: int
    C: int
    frames: AxisWeights
    rows: AxisWeights
    columns: AxisWeights
    training: bool = True

    @property
    def axes(self) -> tuple[AxisWeights, AxisWeights, AxisWeights]:
        """The matrices in order."""
        return self.frames, self.rows, self.columns

    @property
    def x_shape(self) -> tuple[int, ...]:
        """Shape of the input."""
        return self.frames.inputs, self.B, self.rows.inputs, self.columns.inputs, self.C

    @property
    def y_shape(self) -> tuple[int, ...]:
        """Shape of the output."""
        return self.frames.outputs, self.B, self.rows.outputs, self.columns.outputs, self.C


def averages(n: int, k: int, stride: int, padding: Padding) -> AxisWeights:
    """Average over windows as window_spans has them; padding does not count."""
    spans = window_spans(n, k, stride, padding)
    return AxisWeights(n, spans, tuple((1.0 / count,) * count for _, count in spans))


def repeats(n: int, factor: int) -> AxisWeights:
    """Repeat each position: the nearest neighbour."""
    return AxisWeights(n, tuple((position, 1) for position in range(n) for _ in range(factor)), ((1.0,),) * n * factor)


def interpolated(n: int, factor: int, interpolation: Interpolation) -> AxisWeights:
    """Interpolate `factor` outputs for each position, as tf.image.resize does.

    Output p lies at (p + 1/2) / factor - 1/2, the centre of its pixel; weights of positions beyond the ends are left
    out, and the others divided by their sum.
    """
    kernel, reach = _KERNELS[interpolation]
    spans, weights = [], []
    for output in range(n * factor):
        at = (output + 0.5) / factor - 0.5
        near = range(max(math.ceil(at - reach), 0), min(math.floor(at + reach), n - 1) + 1)
        values = {position: kernel(position - at) for position in near if abs(position - at) < reach}
        total = sum(values.values())
        spans.append((min(values), len(values)))
        weights.append(tuple(value / total for value in values.values()))
    return AxisWeights(n, tuple(spans), tuple(weights))


def _triangle(x: float) -> float:
    return 1.0 - abs(x)


def _cubic(x: float) -> float:
    """Keys (1981), a = -1/2."""
    x = abs(x)
    if x < 1.0:
        return (1.5 * x - 2.5) * x * x + 1.0
    return ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0


def _lanczos(lobes: int) -> Callable[[float], float]:
    def kernel(x: float) -> float:
        angle = math.pi * x
        return 1.0 if x == 0.0 else lobes * math.sin(angle) * math.sin(angle / lobes) / (angle * angle)

    return kernel


_KERNELS: dict[Interpolation, tuple[Callable[[float], float], float]] = {
    "bilinear": (_triangle, 1.0),
    "bicubic": (_cubic, 2.0),
    "lanczos3": (_lanczos(3), 3.0),
    "lanczos5": (_lanczos(5), 5.0),
}
"""For each interpolation its kernel, and how far it reaches."""

INTERPOLATIONS: tuple[Interpolation, ...] = tuple(_KERNELS)
