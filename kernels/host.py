"""What the two back ends on the host share: arrays that are NumPy's, and what NumPy does fast enough for both.

copies     y[.., g*C + c] = x[.., c] * masks[g, .., c]     dx[.., c] = sum over g of dy[.., g*C + c] * masks[g, .., c]
add        out = a + b
penalty    loss += l1 * sum|w| + l2 * sum(w^2)             dw += l1 * sign(w) + 2 l2 w
norm       w <- w * wanted / (1e-7 + norm)                 wanted = rate * clip(norm, low, high) + (1 - rate) * norm
"""

from typing import Any

import numpy as np

from kernels.arrays import HostArray
from kernels.backend import Backend
from kernels.host_counts import HostThresholdCounts
from kernels.operations import Block, MaskedCopies, Permute, inverse
from kernels.specs import NORM_EPSILON, BlockSpec, CountsSpec


class HostMaskedCopies(MaskedCopies[HostArray]):
    """Masked copies by NumPy's broadcasting."""

    def __init__(self, masks: HostArray) -> None:
        self.copies, self.masks = len(masks), np.moveaxis(masks, 0, -2)

    def forward(self, x: HostArray, y: HostArray) -> None:
        copies = y.reshape(*x.shape[:-1], self.copies, x.shape[-1])
        np.multiply(x[..., np.newaxis, :], self.masks, out=copies)

    def backward(self, dy: HostArray, dx: HostArray) -> None:
        copies = dy.reshape(*dx.shape[:-1], self.copies, dx.shape[-1])
        dx[...] = (copies * self.masks).sum(axis=-2)


class HostPermute(Permute[HostArray]):
    """Axes in another order by NumPy's views."""

    def __init__(self, axes: tuple[int, ...]) -> None:
        self.axes, self.back = axes, inverse(axes)

    def forward(self, x: HostArray, y: HostArray) -> None:
        y[...] = x.transpose(self.axes)

    def backward(self, dy: HostArray, dx: HostArray) -> None:
        dx[...] = dy.transpose(self.back)


class HostBlock(Block[HostArray]):
    """Blocks by NumPy's slices."""

    def __init__(self, spec: BlockSpec) -> None:
        self.zeros = spec.zeros
        self.of_x, self.of_y = (
            tuple(slice(start, start + n) for start, n in zip(starts, spec.size, strict=True))
            for starts in (spec.x_start, spec.y_start)
        )
        self.fills_x, self.fills_y = spec.size == spec.x_shape, spec.size == spec.y_shape

    def forward(self, x: HostArray, y: HostArray) -> None:
        if self.zeros and not self.fills_y:
            y[...] = 0.0
        y[self.of_y] = x[self.of_x]

    def backward(self, dy: HostArray, dx: HostArray) -> None:
        if self.zeros and not self.fills_x:
            dx[...] = 0.0
        dx[self.of_x] = dy[self.of_y]


class HostBackend(Backend[HostArray]):
    """A back end whose arrays are NumPy arrays on the host."""

    def empty(self, shape: tuple[int, ...], dtype: Any = None) -> HostArray:
        return np.empty(shape, self.dtype if dtype is None else dtype)

    def zeros(self, shape: tuple[int, ...], dtype: Any = None) -> HostArray:
        return np.zeros(shape, self.dtype if dtype is None else dtype)

    def from_host(self, array: HostArray, dtype: Any = None) -> HostArray:
        return np.array(array, dtype=self.dtype if dtype is None else dtype, order="C")

    def to_host(self, array: HostArray) -> HostArray:
        return array.copy()

    def copy_into(self, target: HostArray, source: HostArray) -> None:
        target[...] = source

    def threshold_counts(self, spec: CountsSpec) -> HostThresholdCounts:
        return HostThresholdCounts(spec, self.dtype)

    def add(self, a: HostArray, b: HostArray, out: HostArray) -> None:
        np.add(a, b, out=out)

    def permute(self, axes: tuple[int, ...]) -> HostPermute:
        return HostPermute(axes)

    def block(self, spec: BlockSpec) -> HostBlock:
        return HostBlock(spec)

    def masked_copies(self, masks: HostArray) -> HostMaskedCopies:
        return HostMaskedCopies(masks)

    def add_penalty(
        self, weights: HostArray, l1: float, l2: float, loss: HostArray, gradient: HostArray | None
    ) -> None:
        wide = weights.astype(np.float64)
        loss[0] += l1 * np.abs(wide).sum() + l2 * np.square(wide).sum()
        if gradient is not None:
            gradient += (l1 * np.sign(wide) + 2.0 * l2 * wide).astype(self.dtype)

    def constrain_norm(self, weights: HostArray, axes: tuple[int, ...], low: float, high: float, rate: float) -> None:
        norm = np.sqrt(np.square(weights).sum(axis=axes, keepdims=True))
        wanted = rate * np.clip(norm, low, high) + (1.0 - rate) * norm
        weights *= (wanted / (NORM_EPSILON + norm)).astype(self.dtype)
