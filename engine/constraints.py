"""Constraints that weights obey after every update, by Keras' names."""

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.keras_objects import KerasObject, get_object, names_of
from engine.support.missing_names import refuse_missing
from engine.support.validation import in_range
from kernels import Backend
from kernels.arrays import Array


@dataclass(frozen=True)
class Constraint(KerasObject):
    """A constraint, which changes weights in place so that they obey it."""

    @abstractmethod
    def apply(self, backend: Backend, weights: Array) -> None:
        """Change the weights in place so that they obey."""

    def check(self, argument: str, rank: int) -> None:
        """Raise ValueError if weights with `rank` axes cannot obey."""


@dataclass(frozen=True)
class NonNeg(Constraint):
    """Keep weights non-negative: negative ones become 0."""

    def apply(self, backend: Backend, weights: Array) -> None:
        backend.activation("relu").forward(weights, weights)


@dataclass(frozen=True)
class _Norm(Constraint):
    """A constraint on norms over `axis`, one axis or several; as in Keras 0 by default, a kernel's first axis alone."""

    def apply(self, backend: Backend, weights: Array) -> None:
        axes = tuple(axis % len(weights.shape) for axis in self._axes)
        backend.constrain_norm(weights, axes, *self._limits)

    def check(self, argument: str, rank: int) -> None:
        axes = [axis % rank for axis in self._axes if -rank <= axis < rank]
        if len(set(axes)) != len(self._axes):
            raise ValueError(f"{argument}: axis: expected different axes of a weight with {rank}, got {self._axes}")

    @property
    def _axes(self) -> tuple[int, ...]:
        axis: Any = self.axis  # type: ignore[attr-defined]
        return tuple(axis) if isinstance(axis, Sequence) else (axis,)

    @property
    @abstractmethod
    def _limits(self) -> tuple[float, float, float]:
        """Lowest and highest norm, and the share of the way there that one update goes."""


@dataclass(frozen=True)
class MaxNorm(_Norm):
    """Keep norms over `axis` at most max_value."""

    max_value: float = 2.0
    axis: int | tuple[int, ...] = 0

    def __post_init__(self) -> None:
        in_range("max_value", self.max_value, 0.0, math.inf)
        _keep_axis(self)

    @property
    def _limits(self) -> tuple[float, float, float]:
        return 0.0, self.max_value, 1.0


@dataclass(frozen=True)
class UnitNorm(_Norm):
    """Keep norms over `axis` at 1."""

    axis: int | tuple[int, ...] = 0

    def __post_init__(self) -> None:
        _keep_axis(self)

    @property
    def _limits(self) -> tuple[float, float, float]:
        return 1.0, 1.0, 1.0


@dataclass(frozen=True)
class MinMaxNorm(_Norm):
    """Keep norms over `axis` between min_value and max_value; with rate < 1 each update goes that share of the way."""

    min_value: float = 0.0
    max_value: float = 1.0
    rate: float = 1.0
    axis: int | tuple[int, ...] = 0

    def __post_init__(self) -> None:
        in_range("max_value", self.max_value, in_range("min_value", self.min_value, 0.0, math.inf), math.inf)
        in_range("rate", self.rate, 0.0, 1.0)
        _keep_axis(self)

    @property
    def _limits(self) -> tuple[float, float, float]:
        return self.min_value, self.max_value, self.rate


max_norm, non_neg, unit_norm, min_max_norm = MaxNorm, NonNeg, UnitNorm, MinMaxNorm

_MAKERS = names_of({kind.__name__: kind for kind in (MaxNorm, NonNeg, UnitNorm, MinMaxNorm)})


def get_constraint(argument: str, value: Any, rank: int) -> Constraint | None:
    """Return the constraint that an object, a name or a config stands for, checked for `rank` axes; None stays None."""
    if value is None:
        return None
    constraint: Constraint = get_object(argument, value, Constraint, _MAKERS)
    constraint.check(argument, rank)
    return constraint


def _keep_axis(constraint: Any) -> None:
    """Check `axis` and turn a list, which comes from JSON, into a tuple."""
    axis = constraint.axis
    if isinstance(axis, list):
        object.__setattr__(constraint, "axis", tuple(axis))
        axis = constraint.axis
    axes = axis if isinstance(axis, tuple) else (axis,)
    if not axes or not all(isinstance(item, int) and not isinstance(item, bool) for item in axes):
        raise ValueError(f"axis: expected an integer or several, got {axis!r}")


if not TYPE_CHECKING:  # for which a module with __getattr__ has every name
    __getattr__ = refuse_missing(globals())
