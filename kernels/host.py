"""What the two back ends on the host share: arrays that are NumPy's, and what NumPy does fast enough for both.

copies     y[.., g*C + c] = x[.., c] * masks[g, .., c]     dx[.., c] = sum over g of dy[.., g*C + c] * masks[g, .., c]
penalty    loss += l1 * sum|w| + l2 * sum(w^2)             dw += l1 * sign(w) + 2 l2 w
norm       w <- w * wanted / (1e-7 + norm)                 wanted = rate * clip(norm, low, high) + (1 - rate) * norm
"""

from typing import Any

import numpy as np

from kernels.backend import Backend
from kernels.specs import NORM_EPSILON

Array = np.ndarray[Any, Any]


class HostBackend(Backend):
    """A back end whose arrays are NumPy arrays on the host."""

    def empty(self, shape: tuple[int, ...], dtype: Any = None) -> Array:
        return np.empty(shape, self.dtype if dtype is None else dtype)

    def zeros(self, shape: tuple[int, ...], dtype: Any = None) -> Array:
        return np.zeros(shape, self.dtype if dtype is None else dtype)

    def from_host(self, array: Array, dtype: Any = None) -> Array:
        return np.array(array, dtype=self.dtype if dtype is None else dtype, order="C")

    def to_host(self, array: Array) -> Array:
        return array.copy()

    def copy_into(self, target: Array, source: Array) -> None:
        target[...] = source

    def permute(self, x: Array, axes: tuple[int, ...], y: Array) -> None:
        y[...] = x.transpose(axes)

    def masked_copies(self, x: Array, masks: Array, y: Array) -> None:
        copies = y.reshape(*x.shape[:-1], len(masks), x.shape[-1])
        np.multiply(x[..., np.newaxis, :], np.moveaxis(masks, 0, -2), out=copies)

    def masked_copies_backward(self, dy: Array, masks: Array, dx: Array) -> None:
        copies = dy.reshape(*dx.shape[:-1], len(masks), dx.shape[-1])
        dx[...] = (copies * np.moveaxis(masks, 0, -2)).sum(axis=-2)

    def add_penalty(self, weights: Array, l1: float, l2: float, loss: Array, gradient: Array | None) -> None:
        wide = weights.astype(np.float64)
        loss[0] += l1 * np.abs(wide).sum() + l2 * np.square(wide).sum()
        if gradient is not None:
            gradient += (l1 * np.sign(wide) + 2.0 * l2 * wide).astype(self.dtype)

    def constrain_norm(self, weights: Array, axes: tuple[int, ...], low: float, high: float, rate: float) -> None:
        norm = np.sqrt(np.square(weights).sum(axis=axes, keepdims=True))
        wanted = rate * np.clip(norm, low, high) + (1.0 - rate) * norm
        weights *= (wanted / (NORM_EPSILON + norm)).astype(self.dtype)
