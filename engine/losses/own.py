"""A loss of one's own: a function of NumPy arrays that gives its value and its gradient.

def charbonnier(y_true, y_pred):
    root = np.sqrt((y_pred - y_true) ** 2 + 1e-6)
    return root.mean(), (y_pred - y_true) / root / root.size

network.compile(loss=charbonnier)
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from engine.losses.base import Loss
from kernels import Backend
from kernels.arrays import Array, HostArray

LossFunction = Callable[[HostArray, HostArray], tuple[float, HostArray]]
"""(y_true, y_pred) -> (the batch's mean loss, its gradient by y_pred)."""

_STEP, _TOLERANCE = 1e-4, 1e-2


class FunctionLoss(Loss):
    """A loss that a function computes on the host.

    The function is given targets and predictions (N,T,H,W,K), or whatever the output's shape is, in the network's
    dtype, and returns the batch's mean and its gradient, shaped like the predictions. On CUDA both arrays go through
    the host, and a step is not recorded as a graph. When a network first trains with it, the gradient is held against
    a difference quotient of the value.

    Args:
        function: it, or an object that is called like it.
    """

    on_host = True
    classes = False

    def __init__(self, function: LossFunction) -> None:
        object.__setattr__(self, "function", function)
        object.__setattr__(self, "name", getattr(function, "__name__", type(function).__name__))

    function: LossFunction

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FunctionLoss) and other.function is self.function

    def __hash__(self) -> int:
        return id(self.function)

    def get_config(self) -> str | dict[str, Any]:
        return {"class_name": self.name, "config": {}}

    def bind(self, backend: Backend, shape: tuple[int, ...], from_logits: bool, scale: float) -> "HostLoss":
        return HostLoss(self, backend, shape, scale)

    def value_and_gradient(self, y_true: HostArray, y_pred: HostArray) -> tuple[float, HostArray]:
        """Call the function. Raises ValueError: what it returned is not a value and a gradient."""
        found = self.function(y_true, y_pred)
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise ValueError(
                f"loss: expected {self.name}(y_true, y_pred) to return (value, gradient), got {_described(found)}; "
                "this engine differentiates layers, not Python: return the gradient of the mean by y_pred too, as in "
                "((y_pred - y_true) ** 2).mean(), 2 * (y_pred - y_true) / y_pred.size"
            )
        value, gradient = np.asarray(found[0], np.float64), np.asarray(found[1])
        if value.size != 1:
            raise ValueError(
                f"loss: expected {self.name} to return the mean over the batch, one number, got shape {value.shape}"
            )
        if gradient.shape != y_pred.shape:
            raise ValueError(
                f"loss: expected {self.name} to return a gradient of shape {y_pred.shape}, got {gradient.shape}"
            )
        return float(value.reshape(())), gradient

    def check_gradient(self, y_true: HostArray, y_pred: HostArray) -> None:
        """Hold the gradient against the value along one direction that sees every element. Raises ValueError."""
        truth, at = y_true.astype(np.float64), y_pred.astype(np.float64)
        value, gradient = self.value_and_gradient(truth, at)
        direction = np.random.default_rng(0).uniform(0.5, 1.0, at.shape) * np.where(gradient < 0, -1.0, 1.0)
        above, below = (self.value_and_gradient(truth, at + sign * _STEP * direction)[0] for sign in (1, -1))
        numeric, analytic = (above - below) / (2 * _STEP), float(np.vdot(gradient.astype(np.float64), direction))
        allowed = _TOLERANCE * max(abs(numeric), abs(analytic)) + 1e-7 * max(1.0, abs(value)) / _STEP
        if np.isfinite([numeric, analytic]).all() and abs(numeric - analytic) > allowed:
            raise ValueError(
                f"loss: the gradient that {self.name} returns is not that of its value: along one direction the value "
                f"changes by {numeric:.6g}, the gradient says {analytic:.6g}; that of a mean over n elements has 1 / n "
                f"in it, and {self.name} is called with (y_true, y_pred)"
            )


class HostLoss:
    """A FunctionLoss bound to a back end; see kernels.losses.LossOperation."""

    def __init__(self, loss: FunctionLoss, backend: Backend, shape: tuple[int, ...], scale: float) -> None:
        self._loss, self._backend, self._shape, self._scale = loss, backend, shape, scale
        self._checked = False

    def __call__(self, output: Array, target: Array, weights: Array | None, loss: Array, doutput: Array | None) -> None:
        if weights is not None:
            raise ValueError(
                f"sample_weight: {self._loss.name} is a loss of one's own, which is given none; weigh inside of it"
            )
        y_true, y_pred = self._batch_major(target), self._batch_major(output)
        if doutput is not None and not self._checked:
            self._loss.check_gradient(y_true, y_pred)
            self._checked = True
        value, gradient = self._loss.value_and_gradient(y_true, y_pred)
        self._backend.copy_into(loss, np.array([value]))
        if doutput is not None:
            scaled = (gradient * self._scale).astype(self._backend.dtype)
            moved = scaled.swapaxes(0, 1) if len(self._shape) == 4 else scaled.reshape(doutput.shape)
            self._backend.copy_into(doutput, np.ascontiguousarray(moved))

    def _batch_major(self, array: Array) -> HostArray:
        host = self._backend.to_host(array)
        if len(self._shape) == 4:
            return np.ascontiguousarray(host.swapaxes(0, 1))
        return host.reshape(-1, *self._shape)


def _described(found: Any) -> str:
    shape = np.shape(found) if isinstance(found, np.ndarray | np.generic | int | float) else None
    if shape is None:
        return type(found).__name__
    return "a value alone" if shape == () else f"an array of shape {shape} alone"
