"""Learning-rate schedules, functions of the count of steps, under Keras' names and with its formulas.

`optimizer = engine.optimizers.Adam(engine.schedules.CosineDecay(1e-3, decay_steps=1000))`. A step counts from 0, one
for each update. tf.keras and Keras 3 have the same formulas and compute them in float32; here it is float64.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, is_dataclass
from typing import TYPE_CHECKING, Any

from engine.registry import Registry, name_of
from engine.support.missing_names import refuse_missing
from engine.support.validation import in_range, one_of, positive_int

_LARGEST = 1e9


class LearningRateSchedule(ABC):
    """A learning rate as a function of the step."""

    @abstractmethod
    def __call__(self, step: int) -> float:
        """Return the learning rate of the update with this number, counted from 0."""

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of __init__, JSON-able: a dataclass's fields. Other classes override this."""
        return asdict(self) if is_dataclass(self) else {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LearningRateSchedule":
        """Make the schedule that get_config described."""
        return cls(**config)


@dataclass(frozen=True)
class ExponentialDecay(LearningRateSchedule):
    """Exponential decay: initial_learning_rate * decay_rate ** (step / decay_steps).

    With staircase, the exponent is rounded down.
    """

    initial_learning_rate: float
    decay_steps: int
    decay_rate: float
    staircase: bool = False

    def __post_init__(self) -> None:
        _check_decay(self.initial_learning_rate, self.decay_steps)
        in_range("decay_rate", self.decay_rate, 0.0, _LARGEST)

    def __call__(self, step: int) -> float:
        return self.initial_learning_rate * self.decay_rate ** _fraction(step, self.decay_steps, self.staircase)


@dataclass(frozen=True)
class InverseTimeDecay(LearningRateSchedule):
    """Inverse-time decay: initial_learning_rate / (1 + decay_rate * step / decay_steps).

    With staircase, step / decay_steps is rounded down.

    decay_steps=1 is what Keras 2's optimizers did with their argument `decay`.
    """

    initial_learning_rate: float
    decay_steps: int
    decay_rate: float
    staircase: bool = False

    def __post_init__(self) -> None:
        _check_decay(self.initial_learning_rate, self.decay_steps)
        in_range("decay_rate", self.decay_rate, 0.0, _LARGEST)

    def __call__(self, step: int) -> float:
        return self.initial_learning_rate / (1.0 + self.decay_rate * _fraction(step, self.decay_steps, self.staircase))


@dataclass(frozen=True)
class PolynomialDecay(LearningRateSchedule):
    """Polynomial decay from initial_learning_rate to end_learning_rate over decay_steps.

    The rate is (initial - end) * (1 - step / decay_steps) ** power + end.

    After decay_steps it stays; with cycle, decay_steps grows to its next multiple instead.
    """

    initial_learning_rate: float
    decay_steps: int
    end_learning_rate: float = 0.0001
    power: float = 1.0
    cycle: bool = False

    def __post_init__(self) -> None:
        _check_decay(self.initial_learning_rate, self.decay_steps)
        in_range("end_learning_rate", self.end_learning_rate, 0.0, _LARGEST)
        in_range("power", self.power, 0.0, _LARGEST)

    def __call__(self, step: int) -> float:
        length = self.decay_steps * max(1, math.ceil(step / self.decay_steps)) if self.cycle else self.decay_steps
        left = 1.0 - min(step, length) / length
        return (self.initial_learning_rate - self.end_learning_rate) * left**self.power + self.end_learning_rate


@dataclass(frozen=True)
class CosineDecay(LearningRateSchedule):
    """Cosine decay: half a cosine from initial_learning_rate to alpha times it, over decay_steps; then constant.

    With warmup_target, first a straight line from initial_learning_rate to warmup_target over warmup_steps, and the
    cosine from there.
    """

    initial_learning_rate: float
    decay_steps: int
    alpha: float = 0.0
    warmup_target: float | None = None
    warmup_steps: int = 0

    def __post_init__(self) -> None:
        _check_decay(self.initial_learning_rate, self.decay_steps)
        in_range("alpha", self.alpha, 0.0, _LARGEST)
        in_range("warmup_steps", self.warmup_steps, 0, _LARGEST)
        if self.warmup_target is not None:
            in_range("warmup_target", self.warmup_target, 0.0, _LARGEST)

    def __call__(self, step: int) -> float:
        start, peak = self.initial_learning_rate, self.initial_learning_rate
        if self.warmup_target is not None:
            peak = self.warmup_target
            if step < self.warmup_steps:
                return start + (peak - start) * step / self.warmup_steps
            step -= self.warmup_steps
        done = min(step, self.decay_steps) / self.decay_steps
        return peak * ((1.0 - self.alpha) * 0.5 * (1.0 + math.cos(math.pi * done)) + self.alpha)


@dataclass(frozen=True)
class PiecewiseConstantDecay(LearningRateSchedule):
    """Piecewise constant: values[i] up to and with step boundaries[i], and the last value after all boundaries."""

    boundaries: Sequence[int]
    values: Sequence[float]

    def __post_init__(self) -> None:
        boundaries, values = list(self.boundaries), list(self.values)
        object.__setattr__(self, "boundaries", boundaries)
        object.__setattr__(self, "values", values)
        if not boundaries or boundaries != sorted(boundaries):
            raise ValueError(f"boundaries: expected at least one step, in rising order, got {self.boundaries!r}")
        if len(boundaries) != len(values) - 1:
            raise ValueError(f"values: expected {len(boundaries) + 1}, one more than boundaries, got {len(values)}")
        for value in values:
            in_range("values", value, 0.0, _LARGEST)

    def __call__(self, step: int) -> float:
        passed = sum(step > boundary for boundary in self.boundaries)
        return float(self.values[passed])


SCHEDULES: Registry[LearningRateSchedule] = Registry(
    "schedule",
    LearningRateSchedule,
    (ExponentialDecay, InverseTimeDecay, PolynomialDecay, CosineDecay, PiecewiseConstantDecay),
    spelling=str,
)
"""The schedules by Keras' class names, and those of one's own that engine.register was given."""


def schedule_config(schedule: LearningRateSchedule) -> dict[str, Any]:
    """Return a schedule's class name and arguments, JSON-able."""
    return {"class_name": name_of(type(schedule)), "config": schedule.get_config()}


def schedule_from_config(config: dict[str, Any]) -> LearningRateSchedule:
    """Make the schedule that schedule_config, or Keras, described; the name that Keras gives it is ignored."""
    name = one_of("learning_rate", config.get("class_name"), SCHEDULES)
    arguments = {key: value for key, value in (config.get("config") or {}).items() if key != "name"}
    try:
        return SCHEDULES[name](**arguments)
    except TypeError as error:
        raise ValueError(f"learning_rate: {name}: {error}") from None


def _check_decay(initial_learning_rate: Any, decay_steps: Any) -> None:
    in_range("initial_learning_rate", initial_learning_rate, 0.0, _LARGEST)
    positive_int("decay_steps", decay_steps)


def _fraction(step: int, decay_steps: int, staircase: bool) -> float:
    return step // decay_steps if staircase else step / decay_steps


if not TYPE_CHECKING:  # for which a module with __getattr__ has every name
    __getattr__ = refuse_missing(globals())
