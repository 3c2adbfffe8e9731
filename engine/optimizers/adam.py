"""Adam, and AdamW with decoupled weight decay."""

import math
from typing import Any

from engine.optimizers.base import Optimizer
from engine.schedules import LearningRateSchedule
from engine.support.validation import in_range
from kernels.updates import UpdateSpec


class Adam(Optimizer):
    """Adam (Kingma and Ba 2014) as Keras computes it: epsilon is added outside the bias correction.

    m <- m + (1 - beta_1)(g - m);  v <- v + (1 - beta_2)(g^2 - v)
    w <- w - lr sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon)            t counts updates from 1

    Args:
        learning_rate: default 0.001.
        beta_1, beta_2: default 0.9, 0.999.
        epsilon: default 1e-7.
        amsgrad: use the largest v so far (Reddi 2018; without bias correction of it, as in Keras); default False.
        common: weight_decay, clipnorm, clipvalue, global_clipnorm, as for Optimizer.
    """

    arguments = ("beta_1", "beta_2", "epsilon", "amsgrad")
    keras2_slots = ("m", "v", "vhat")

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | dict[str, Any] = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **common: Any,
    ) -> None:
        super().__init__(learning_rate, **common)
        self.beta_1, self.beta_2 = below_one("beta_1", beta_1), below_one("beta_2", beta_2)
        self.epsilon = in_range("epsilon", epsilon, 0.0, 1.0)
        self.amsgrad = bool(amsgrad)

    def _step_size(self, learning_rate: float) -> float:
        t = self.iterations + 1
        return learning_rate * math.sqrt(1.0 - self.beta_2**t) / (1.0 - self.beta_1**t)

    def update_spec(self) -> UpdateSpec:
        numbers = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
        return UpdateSpec("amsgrad" if self.amsgrad else "adam", numbers)


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2017), as Keras 3 and tf.keras 2.11 and later have it.

    Args:
        learning_rate: default 0.001.
        weight_decay: default 0.004; see Optimizer, and exclude_from_weight_decay.
        common: Adam's other arguments.
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | dict[str, Any] = 0.001,
        weight_decay: float = 0.004,
        **common: Any,
    ) -> None:
        if weight_decay is None:
            raise ValueError("weight_decay: expected a number, got None; Adam is AdamW without it")
        super().__init__(learning_rate, weight_decay=weight_decay, **common)


def below_one(name: str, value: Any) -> float:
    """`value` as a number from 0 to below 1."""
    if in_range(name, value, 0.0, 1.0) == 1.0:
        raise ValueError(f"{name}: expected a number from 0 to below 1, got {value!r}")
    return float(value)
