"""How gradients move weights, under Keras' names: Adadelta, SGD, Adam, AdamW.

A step is: clip the gradients; decay the weights; move them. Numbers that change from step to step (the learning rate,
Adam's bias correction) stand in a small array on the device, so that a step which was recorded as a CUDA graph takes up
a new learning rate without being recorded anew.
"""

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.schedules import LearningRateSchedule, schedule_config, schedule_from_config
from engine.validation import in_range, one_of
from kernels import Backend
from kernels.specs import ClipSpec

Array = Any

_COMMON = ("weight_decay", "clipnorm", "clipvalue", "global_clipnorm")


@dataclass(frozen=True)
class Layout:
    """Where the trainable weights stand in a flat buffer (P,).

    Attributes:
        names: of the weight arrays, in order.
        bounds: where each begins, and P; the gaps between arrays hold zeros.
    """

    names: tuple[str, ...]
    bounds: tuple[int, ...]

    @property
    def size(self) -> int:
        """P."""
        return self.bounds[-1]


class Optimizer(ABC):
    """What all optimizers share.

    Args:
        learning_rate: a number, or a schedule of engine.schedules.
        weight_decay: w <- w - learning_rate * weight_decay * w before each update, for every weight that
            exclude_from_weight_decay does not name; None (default) is none. (Keras 3; Keras 2.3 had none.)
        clipnorm: scale the gradient of each weight array down to this norm. (In Keras 2.3 clipnorm was the norm of all
            gradients together, which is global_clipnorm here and in Keras 3.)
        clipvalue: cut every gradient to [-clipvalue, clipvalue].
        global_clipnorm: scale all gradients by one factor, down to this norm of all together.

    At most one of the three is given.

    Attributes:
        iterations: updates so far; it may be set.
        state: the slots by name, flat buffers of the back end, once the network is built.
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | dict[str, Any],
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
    ) -> None:
        self._learning_rate = _checked_rate(learning_rate)
        self.weight_decay = None if weight_decay is None else in_range("weight_decay", weight_decay, 0.0, 1e9)
        limits = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        given = {name: limit for name, limit in limits.items() if limit is not None}
        if len(given) > 1:
            raise ValueError(f"{', '.join(given)}: expected at most one of them, got {given}")
        for name, limit in given.items():
            if in_range(name, limit, 0.0, math.inf) == 0.0:
                raise ValueError(f"{name}: expected a number above 0, got {limit!r}")
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        self.iterations = 0
        self.state: dict[str, Array] = {}
        self._excluded: list[str] = []
        self._clip: tuple[ClipSpec, Any] | None = None

    @property
    @abstractmethod
    def slots(self) -> tuple[str, ...]:
        """Names of the flat buffers in `state`, Keras' order."""

    @property
    def follows_schedule(self) -> bool:
        """Whether the learning rate follows a schedule."""
        return isinstance(self._learning_rate, LearningRateSchedule)

    @property
    def learning_rate(self) -> float:
        """Of the next update. It may be set, unless it follows a schedule."""
        if isinstance(self._learning_rate, LearningRateSchedule):
            return float(self._learning_rate(self.iterations))
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float | LearningRateSchedule) -> None:
        if isinstance(self._learning_rate, LearningRateSchedule) and not isinstance(value, LearningRateSchedule):
            raise ValueError(
                f"learning_rate: it follows {type(self._learning_rate).__name__} and cannot be set to {value!r}; "
                "compile with a number to set it by hand or by a callback"
            )
        self._learning_rate = _checked_rate(value)

    def exclude_from_weight_decay(
        self, var_list: Iterable[Any] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Leave some weights out of weight_decay; to be called before the network is compiled with this optimizer.

        Args:
            var_list: Weight objects.
            var_names: regular expressions, searched for in the weights' names: ["bias"] leaves out every bias.

        As in Keras, get_config does not hold this.
        """
        self._excluded = [f"^{re.escape(weight.name)}$" for weight in var_list or ()] + list(var_names or ())

    def bind(self, backend: Backend, layout: Layout) -> None:
        """Begin anew: zero slots, no iterations."""
        self.iterations = 0
        self.state = {slot: backend.zeros((layout.size,)) for slot in self.slots}
        self._layout = layout
        decayed = np.zeros(layout.size)
        for name, start, stop in zip(layout.names, layout.bounds[:-1], layout.bounds[1:], strict=True):
            decayed[start:stop] = not any(re.search(pattern, name) for pattern in self._excluded)
        self._decayed = backend.from_host(decayed)
        self._clip = None
        self._numbers_on_device = backend.zeros((3,))
        self._numbers = np.zeros(3)

    def begin_step(self, backend: Backend) -> None:
        """Bring the numbers of the next update to the device, where they changed; not part of a recording."""
        rate = self.learning_rate
        numbers = np.array([rate, self._step_size(rate), rate * (self.weight_decay or 0.0)])
        if not np.array_equal(numbers, self._numbers):
            backend.copy_into(self._numbers_on_device, numbers.astype(backend.dtype))
            self._numbers = numbers

    def update(self, backend: Backend, weights: Array, gradients: Array) -> None:
        """One update of flat buffers (P,), which may be recorded; gradients may be changed."""
        limit = self._clip_spec()
        if limit is not None:
            if self._clip is None or self._clip[0] != limit:
                self._clip = limit, backend.clip_plan(limit)
            backend.clip_gradients(self._clip[1], gradients)
        if self.weight_decay:
            backend.decay_weights(weights, self._decayed, self._numbers_on_device[2:3])
        self._move(backend, weights, gradients, self._numbers_on_device[0:1], self._numbers_on_device[1:2])

    def end_step(self) -> None:
        """Count the update."""
        self.iterations += 1

    def recorded_numbers(self) -> dict[str, Any]:
        """All that a recorded update holds and that no begin_step changes."""
        return {key: value for key, value in self.get_config().items() if key != "learning_rate"}

    def get_config(self) -> dict[str, Any]:
        """What __init__ takes, JSON-able, and the class's name; weight_decay and clipping only where given."""
        rate = self._learning_rate
        return {
            "class_name": type(self).__name__,
            "learning_rate": schedule_config(rate) if isinstance(rate, LearningRateSchedule) else rate,
            **self._own_config(),
            **{name: getattr(self, name) for name in _COMMON if getattr(self, name) is not None},
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Optimizer":
        """The optimizer that get_config described, from zero again."""
        return cls(**{key: value for key, value in config.items() if key != "class_name"})

    @abstractmethod
    def _own_config(self) -> dict[str, Any]:
        """The arguments that not all optimizers have."""

    @abstractmethod
    def _move(self, backend: Backend, weights: Array, gradients: Array, learning_rate: Array, step_size: Array) -> None:
        """The update proper; learning_rate and step_size (1,) are on the device."""

    def _step_size(self, learning_rate: float) -> float:
        """A second number that the next update wants."""
        return learning_rate

    def _clip_spec(self) -> ClipSpec | None:
        if self.clipnorm is not None:
            return ClipSpec("norm", float(self.clipnorm), self._layout.bounds)
        if self.global_clipnorm is not None:
            return ClipSpec("global_norm", float(self.global_clipnorm), self._layout.bounds)
        if self.clipvalue is not None:
            return ClipSpec("value", float(self.clipvalue), self._layout.bounds)
        return None


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


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {kind.__name__: kind for kind in (Adadelta, SGD, Adam, AdamW)}


def get_optimizer(optimizer: Any) -> Optimizer:
    """An optimizer given by object, by Keras' name or by what get_config returned."""
    if isinstance(optimizer, Optimizer):
        return optimizer
    if isinstance(optimizer, dict):
        arguments = dict(optimizer)
        name = one_of("optimizer", arguments.pop("class_name", None), OPTIMIZERS)
        return OPTIMIZERS[name](**arguments)
    by_name = {name.lower(): kind for name, kind in OPTIMIZERS.items()}
    return by_name[one_of("optimizer", optimizer.lower() if isinstance(optimizer, str) else optimizer, by_name)]()


def _checked_rate(value: Any) -> float | LearningRateSchedule:
    if isinstance(value, dict):
        return schedule_from_config(value)
    return value if isinstance(value, LearningRateSchedule) else in_range("learning_rate", value, 0.0, 1e9)


def _below_one(name: str, value: Any) -> float:
    if in_range(name, value, 0.0, 1.0) == 1.0:
        raise ValueError(f"{name}: expected a number from 0 to below 1, got {value!r}")
    return float(value)
