"""How gradients move weights, under Keras' names: Adadelta, SGD, Adam, AdamW."""

import math
from typing import Any

from engine.optimizers.base import Optimizer
from engine.registry import Registry
from engine.schedules import LearningRateSchedule
from engine.support.validation import in_range, one_of
from kernels import Backend

Array = Any


class Adadelta(Optimizer):
    """Adadelta (Zeiler 2012), exactly as Keras computes it: the learning rate is not in the accumulated delta.

    Args:
        learning_rate: default 1.0, the default of multi-backend Keras (tf.keras and Keras 3 have 0.001 under the same
            name, which trains a thousand times more slowly).
        rho: decay of both accumulators, default 0.95.
        epsilon: default 1e-7.
        common: weight_decay, clipnorm, clipvalue, global_clipnorm, as for Optimizer.
    """

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

    @property
    def slots(self) -> tuple[str, ...]:
        return ("accumulated_gradient", "accumulated_delta")

    def _move(self, backend: Backend, weights: Array, gradients: Array, learning_rate: Array, step_size: Array) -> None:
        squares, deltas = self.state["accumulated_gradient"], self.state["accumulated_delta"]
        backend.adadelta_update(weights, gradients, squares, deltas, learning_rate, self.rho, self.epsilon)

    def _own_config(self) -> dict[str, Any]:
        return {"rho": self.rho, "epsilon": self.epsilon}


class SGD(Optimizer):
    """Gradient descent, with momentum if asked for; the same in every Keras.

    v <- momentum v - lr g;  w <- w + v, or with nesterov w + momentum v - lr g.

    Args:
        learning_rate: default 0.01.
        momentum: default 0.
        nesterov: default False; without momentum it does nothing.
        common: weight_decay, clipnorm, clipvalue, global_clipnorm, as for Optimizer.
    """

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

    @property
    def slots(self) -> tuple[str, ...]:
        return ("momentum",) if self.momentum else ()

    def _move(self, backend: Backend, weights: Array, gradients: Array, learning_rate: Array, step_size: Array) -> None:
        backend.sgd_update(weights, gradients, self.state.get("momentum"), learning_rate, self.momentum, self.nesterov)

    def _own_config(self) -> dict[str, Any]:
        return {"momentum": self.momentum, "nesterov": self.nesterov}


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
        self.beta_1, self.beta_2 = _below_one("beta_1", beta_1), _below_one("beta_2", beta_2)
        self.epsilon = in_range("epsilon", epsilon, 0.0, 1.0)
        self.amsgrad = bool(amsgrad)

    @property
    def slots(self) -> tuple[str, ...]:
        return ("momentum", "velocity", "velocity_hat") if self.amsgrad else ("momentum", "velocity")

    def _step_size(self, learning_rate: float) -> float:
        t = self.iterations + 1
        return learning_rate * math.sqrt(1.0 - self.beta_2**t) / (1.0 - self.beta_1**t)

    def _move(self, backend: Backend, weights: Array, gradients: Array, learning_rate: Array, step_size: Array) -> None:
        state = self.state
        backend.adam_update(
            weights, gradients, state["momentum"], state["velocity"], state.get("velocity_hat"), step_size,
            self.beta_1, self.beta_2, self.epsilon,
        )  # fmt: skip

    def _own_config(self) -> dict[str, Any]:
        return {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon, "amsgrad": self.amsgrad}


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


OPTIMIZERS: Registry[Optimizer] = Registry("optimizer", Optimizer, (Adadelta, SGD, Adam, AdamW), spelling=str.lower)
"""The optimizers by Keras' names, and those of one's own that engine.register was given."""


def get_optimizer(optimizer: Any) -> Optimizer:
    """An optimizer given by object, by Keras' name or by what get_config returned."""
    if isinstance(optimizer, Optimizer):
        return optimizer
    if isinstance(optimizer, dict):
        arguments = dict(optimizer)
        name = one_of("optimizer", arguments.pop("class_name", None), OPTIMIZERS)
        return OPTIMIZERS[name](**arguments)
    made: Optimizer = OPTIMIZERS.find(optimizer)()
    return made


def _below_one(name: str, value: Any) -> float:
    if in_range(name, value, 0.0, 1.0) == 1.0:
        raise ValueError(f"{name}: expected a number from 0 to below 1, got {value!r}")
    return float(value)
