"""The base of all optimizers: the learning rate, weight decay, clipping, and the order of a step.

A step is: clip the gradients; decay the weights; move them. Numbers that change from step to step (the learning rate,
Adam's bias correction) stand in a small array on the device, so that a step which was recorded as a CUDA graph takes up
a new learning rate without being recorded anew.
"""

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from engine.registry import name_of
from engine.schedules import LearningRateSchedule, schedule_config, schedule_from_config
from engine.support.validation import in_range
from kernels import Backend
from kernels.arrays import Array
from kernels.specs import ClipSpec
from kernels.updates import ClipOperation, UpdateOperation, UpdateSpec

COMMON = ("weight_decay", "clipnorm", "clipvalue", "global_clipnorm")
"""Arguments of every optimizer besides learning_rate."""

_FORMERLY = {
    "lr": "it is called learning_rate",
    "decay": "learning_rate=engine.schedules.InverseTimeDecay(learning_rate, 1, decay) does the same",
}
"""Arguments of Keras 2, and what stands for them."""


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
    """The base class of optimizers.

    Args:
        learning_rate: a number, or a schedule of engine.schedules.
        weight_decay: w <- w - learning_rate * weight_decay * w before each update, for every weight that
            exclude_from_weight_decay does not name; None (default) is none. (Keras 3; Keras 2.3 had none.)
        clipnorm: scale the gradient of each weight array down to this norm. (In Keras 2.3 clipnorm was the norm of all
            gradients together, which is global_clipnorm here and in Keras 3.)
        clipvalue: cut every gradient to [-clipvalue, clipvalue].
        global_clipnorm: scale all gradients by one factor, down to this norm of all together.

    At most one of the three is given.

    A subclass has its arguments as attributes of the same names, and says in update_spec what they ask of the back end.

    Attributes:
        arguments: names of those that not all optimizers have.
        keras2_slots: Keras 2's names of the slots.
        slots_side_by_side: Keras 3 keeps the first two slots of a weight next to each other; False: each slot of all
            weights, one slot after the other.
        iterations: updates so far; it may be set.
        state: the slots by name, flat buffers of the back end, once the network is built.
    """

    arguments: ClassVar[tuple[str, ...]] = ()
    keras2_slots: ClassVar[tuple[str, ...]] = ()
    slots_side_by_side: ClassVar[bool] = True

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | dict[str, Any],
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        **unknown: Any,
    ) -> None:
        for name, value in unknown.items():
            hint = f"; {_FORMERLY[name]}" if name in _FORMERLY else ""
            raise ValueError(f"{name}: {type(self).__name__} has no such argument, got {value!r}{hint}")
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
        self._excluded: list[str] = []
        self.state: dict[str, Array] = {}
        self._clip: tuple[ClipSpec, ClipOperation] | None = None
        self._update: tuple[UpdateSpec, UpdateOperation] | None = None
        self._owner: object | None = None

    def __getstate__(self) -> dict[str, Any]:
        """A copy belongs to no network and has no slots; it keeps the arguments and the count of updates."""
        bound = ("_layout", "_decayed", "_numbers", "_numbers_on_device")
        unbound: dict[str, Any] = {"state": {}, "_clip": None, "_update": None, "_owner": None}
        return {name: value for name, value in self.__dict__.items() if name not in bound} | unbound

    @abstractmethod
    def update_spec(self) -> UpdateSpec:
        """The rule of the update proper, with its hyperparameters as they are now."""

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the flat buffers in `state`, in Keras' order."""
        return tuple(slot.name for slot in self.update_spec().slots)

    @property
    def follows_schedule(self) -> bool:
        """Whether the learning rate follows a schedule."""
        return isinstance(self._learning_rate, LearningRateSchedule)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next update. It may be set, unless it follows a schedule."""
        if isinstance(self._learning_rate, LearningRateSchedule):
            return _scheduled_rate(self._learning_rate, self.iterations)
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

    def claim(self, owner: object) -> None:
        """Let it belong to one network, which `owner` stands for; ValueError where it belongs to another."""
        if self._owner not in (None, owner):
            name = type(self).__name__
            raise ValueError(
                f"optimizer: expected one that belongs to no other network, got the {name} of another, whose slots it "
                f"holds; make a new one, such as {name}.from_config(optimizer.get_config())"
            )
        self._owner = owner

    def release(self) -> None:
        """Let it belong to no network; what binds it next begins anew."""
        self._owner = None

    def bind(self, backend: Backend, layout: Layout) -> None:
        """Begin anew: zero slots, no iterations. Raises ValueError: the back end lacks its rule."""
        self._update = None
        self._operation(backend)
        self.iterations = 0
        self.state = {slot: backend.zeros((layout.size,)) for slot in self.slots}
        self._layout = layout
        decayed = np.zeros(layout.size)
        for name, start, stop in zip(layout.names, layout.bounds[:-1], layout.bounds[1:], strict=True):
            decayed[start:stop] = not any(re.search(pattern, name) for pattern in self._excluded)
        self._decayed = backend.from_host(decayed)
        self._clip = None
        self._numbers = np.zeros(1 + len(self.update_spec().rates))
        self._numbers_on_device = backend.zeros(self._numbers.shape)

    def begin_step(self, backend: Backend) -> None:
        """Bring the numbers of the next update to the device, where they changed; not part of a recording."""
        rate = self.learning_rate
        numbers = np.array([rate * (self.weight_decay or 0.0), *self._rates(rate)])
        if not np.array_equal(numbers, self._numbers):
            backend.copy_into(self._numbers_on_device, numbers.astype(backend.dtype))
            self._numbers = numbers

    def update(self, backend: Backend, weights: Array, gradients: Array) -> None:
        """One update of flat buffers (P,), which may be recorded; gradients may be changed.

        Raises ValueError: it was bound to buffers of another size, or an argument now asks for other slots.
        """
        if set(self.slots) - set(self.state):
            raise ValueError(
                f"optimizer: {type(self).__name__} now wants {', '.join(self.slots)}, which it had no use for when the "
                "network was compiled; compile again with a new one"
            )
        # Kernels do not look at sizes: they would write past the end of a smaller buffer.
        sizes = [array.size for array in (weights, gradients, self._decayed, *self.state.values())]
        if len(set(sizes)) > 1:
            raise ValueError(
                f"optimizer: expected slots of {weights.size} numbers, as the weights have, got {min(sizes[1:])} to "
                f"{max(sizes[1:])}; an optimizer serves one network"
            )
        limit = self._clip_spec()
        if limit is not None:
            if self._clip is None or self._clip[0] != limit:
                self._clip = limit, backend.clip(limit)
            self._clip[1](gradients)
        if self.weight_decay:
            backend.decay_weights(weights, self._decayed, self._numbers_on_device[:1])
        slots = [self.state[slot] for slot in self.slots]
        self._operation(backend)(weights, gradients, slots, self._numbers_on_device[1:])

    def numbers_beside_slots(self, updates: int) -> list[Any]:
        """What Keras keeps in files beside the slots after so many updates, NumPy scalars; mostly nothing."""
        return []

    def end_step(self) -> None:
        """Count the update."""
        self.iterations += 1

    def recorded_numbers(self) -> dict[str, Any]:
        """All that a recorded update holds and that no begin_step changes."""
        numbers = {key: value for key, value in self.get_config().items() if key != "learning_rate"}
        return numbers | {"update": self.update_spec()}

    def get_config(self) -> dict[str, Any]:
        """Return __init__'s arguments and the class's name, JSON-able; weight_decay and clipping only where given."""
        rate = self._learning_rate
        return {
            "class_name": name_of(type(self)),
            "learning_rate": schedule_config(rate) if isinstance(rate, LearningRateSchedule) else rate,
            **{name: getattr(self, name) for name in self.arguments},
            **{name: getattr(self, name) for name in COMMON if getattr(self, name) is not None},
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Optimizer":
        """The optimizer that get_config described, from zero again."""
        return cls(**{key: value for key, value in config.items() if key != "class_name"})

    def _step_size(self, learning_rate: float) -> float:
        """The rate that the rule takes in the next update; a subclass may correct the learning rate here."""
        return learning_rate

    def _rates(self, learning_rate: float) -> tuple[float, ...]:
        """The rates of the next update, where the rule has several."""
        return (self._step_size(learning_rate),)

    def _operation(self, backend: Backend) -> UpdateOperation:
        spec = self.update_spec()
        if self._update is None or self._update[0] != spec:
            self._update = spec, backend.update(spec)
        return self._update[1]

    def _clip_spec(self) -> ClipSpec | None:
        if self.clipnorm is not None:
            return ClipSpec("norm", float(self.clipnorm), self._layout.bounds)
        if self.global_clipnorm is not None:
            return ClipSpec("global_norm", float(self.global_clipnorm), self._layout.bounds)
        if self.clipvalue is not None:
            return ClipSpec("value", float(self.clipvalue), self._layout.bounds)
        return None


def _checked_rate(value: Any) -> float | LearningRateSchedule:
    if isinstance(value, dict):
        return schedule_from_config(value)
    return value if isinstance(value, LearningRateSchedule) else in_range("learning_rate", value, 0.0, 1e9)


def _scheduled_rate(schedule: LearningRateSchedule, step: int) -> float:
    rate: Any = schedule(step)
    try:
        return in_range("learning_rate", float(rate), 0.0, 1e9)
    except (TypeError, ValueError):
        name = type(schedule).__name__
        raise ValueError(
            f"learning_rate: {name} must give a number from 0 to 1e+09, gave {rate!r} for step {step}"
        ) from None
