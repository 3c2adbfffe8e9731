"""Adadelta."""

from typing import Any

from engine.optimizers.base import Optimizer
from engine.schedules import LearningRateSchedule
from engine.support.validation import in_range
from kernels.updates import UpdateSpec


class Adadelta(Optimizer):
    """Adadelta (Zeiler 2012), exactly as Keras computes it: the learning rate is not in the accumulated delta.

    Args:
        learning_rate: default 1.0, the default of multi-backend Keras (tf.keras and Keras 3 have 0.001 under the same
            name, which trains a thousand times more slowly).
        rho: decay of both accumulators, default 0.95.
        epsilon: default 1e-7.
        common: weight_decay, clipnorm, clipvalue, global_clipnorm, as for Optimizer.
    """

    arguments = ("rho", "epsilon")
    keras2_slots = ("accum_grad", "accum_var")

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | dict[str, Any] = 1.0,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        **common: Any,
    ) -> None:
        super().__init__(learning_rate, **common)
        self.rho = in_range("rho", rho, 0.0, 1.0)
        self.epsilon = in_range("epsilon", epsilon, 0.0, 1.0)

    def update_spec(self) -> UpdateSpec:
        return UpdateSpec("adadelta", {"rho": self.rho, "epsilon": self.epsilon})
