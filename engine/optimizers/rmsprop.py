"""RMSprop."""

from typing import Any

from engine.optimizers.base import Optimizer
from engine.schedules import LearningRateSchedule
from engine.support.validation import in_range
from kernels.updates import UpdateSpec


class RMSprop(Optimizer):
    """RMSprop (Hinton 2012) as Keras computes it: epsilon is under the root.

    s <- rho s + (1 - rho) g^2;  w <- w - lr g / sqrt(s + epsilon)

    Args:
        learning_rate: default 0.001.
        rho: decay of s, default 0.9.
        momentum: default 0; else v <- momentum v + that step, w <- w - v.
        epsilon: default 1e-7.
        centered: also keep the mean of gradients a, and divide by sqrt(s - a^2 + epsilon); default False.
        common: weight_decay, clipnorm, clipvalue, global_clipnorm, as for Optimizer.
    """

    arguments = ("rho", "momentum", "epsilon", "centered")
    slots_side_by_side = False

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | dict[str, Any] = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **common: Any,
    ) -> None:
        super().__init__(learning_rate, **common)
        self.rho = in_range("rho", rho, 0.0, 1.0)
        self.momentum = in_range("momentum", momentum, 0.0, 1.0)
        self.epsilon = in_range("epsilon", epsilon, 0.0, 1.0)
        self.centered = bool(centered)

    @property
    def keras2_slots(self) -> tuple[str, ...]:  # type: ignore[override]
        names = {"velocity": "rms", "momentum": "momentum", "average_gradient": "mg"}
        return tuple(names[slot] for slot in self.slots)

    def update_spec(self) -> UpdateSpec:
        numbers = {"rho": self.rho, "epsilon": self.epsilon}
        rule = "rmsprop_centered" if self.centered else "rmsprop"
        if not self.momentum:
            return UpdateSpec(rule, numbers)
        return UpdateSpec(f"{rule}_momentum", {**numbers, "momentum": self.momentum})
