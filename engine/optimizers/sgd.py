"""Gradient descent."""

from typing import Any

from engine.optimizers.base import Optimizer
from engine.schedules import LearningRateSchedule
from engine.support.validation import in_range
from kernels.updates import UpdateSpec


class SGD(Optimizer):
    """Gradient descent, with momentum if asked for; the same in every Keras.

    v <- momentum v - lr g;  w <- w + v, or with nesterov w + momentum v - lr g.

    Args:
        learning_rate: default 0.01.
        momentum: default 0.
        nesterov: default False; without momentum it does nothing.
        common: weight_decay, clipnorm, clipvalue, global_clipnorm, as for Optimizer.
    """

    arguments = ("momentum", "nesterov")
    keras2_slots = ("momentum",)

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | dict[str, Any] = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **common: Any,
    ) -> None:
        super().__init__(learning_rate, **common)
        self.momentum = in_range("momentum", momentum, 0.0, 1.0)
        self.nesterov = bool(nesterov)

    def update_spec(self) -> UpdateSpec:
        if not self.momentum:
            return UpdateSpec("sgd")
        return UpdateSpec("nesterov" if self.nesterov else "momentum", {"momentum": self.momentum})
