"""Nadam."""

from typing import Any

import numpy as np

from engine.optimizers.adam import below_one
from engine.optimizers.base import Optimizer
from engine.schedules import LearningRateSchedule
from engine.support.validation import in_range
from kernels.updates import UpdateSpec

_DECAY = 0.96
"""Of the schedule of momentum, as in the paper."""


class Nadam(Optimizer):
    """Adam with Nesterov's momentum (Dozat 2016), as Keras computes it.

    u_t = beta_1 (1 - 0.96^t / 2);  U_t = u_1 u_2 ... u_t                                t counts updates from 1
    m <- m + (1 - beta_1)(g - m);  v <- v + (1 - beta_2)(g^2 - v)
    w <- w - lr (u_{t+1} m / (1 - U_{t+1}) + (1 - u_t) g / (1 - U_t)) / (sqrt(v / (1 - beta_2^t)) + epsilon)

    Args:
        learning_rate: default 0.001.
        beta_1, beta_2: default 0.9, 0.999.
        epsilon: default 1e-7.
        common: weight_decay, clipnorm, clipvalue, global_clipnorm, as for Optimizer.
    """

    arguments = ("beta_1", "beta_2", "epsilon")
    keras2_slots = ("m", "v")

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | dict[str, Any] = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **common: Any,
    ) -> None:
        super().__init__(learning_rate, **common)
        self.beta_1, self.beta_2 = below_one("beta_1", beta_1), below_one("beta_2", beta_2)
        self.epsilon = in_range("epsilon", epsilon, 0.0, 1.0)
        self._product: tuple[int, float, float] = (0, self.beta_1, 1.0)

    def momentum_product(self, updates: int) -> float:
        """U_t after so many updates, which Keras keeps beside the slots."""
        t, beta_1, product = self._product
        if t > updates or beta_1 != self.beta_1:
            t, product = 0, 1.0
        for step in range(t + 1, updates + 1):
            product *= self._momentum(step)
        self._product = updates, self.beta_1, product
        return product

    def numbers_beside_slots(self, updates: int) -> list[Any]:
        return [np.float32(self.momentum_product(updates))]

    def _momentum(self, step: int) -> float:
        return self.beta_1 * (1.0 - 0.5 * _DECAY**step)

    def _rates(self, learning_rate: float) -> tuple[float, ...]:
        t = self.iterations + 1
        product, now, next_one = self.momentum_product(t), self._momentum(t), self._momentum(t + 1)
        of_mean, of_gradient = next_one / (1.0 - product * next_one), (1.0 - now) / (1.0 - product)
        return learning_rate, of_mean, of_gradient, 1.0 - self.beta_2**t

    def update_spec(self) -> UpdateSpec:
        return UpdateSpec("nadam", {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon})
