"""Regularizers: penalties on weights that are added to the loss, by Keras' names."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.keras_objects import KerasObject, get_object, names_of
from engine.support.missing_names import refuse_missing
from engine.support.validation import in_range
from kernels import Backend
from kernels.arrays import Array


@dataclass(frozen=True)
class Regularizer(KerasObject):
    """A penalty l1 * sum|w| + l2 * sum(w^2), added to the loss."""

    @property
    def factors(self) -> tuple[float, float]:
        """The factors l1 and l2."""
        return getattr(self, "l1", 0.0), getattr(self, "l2", 0.0)

    def __post_init__(self) -> None:
        for name, factor in zip(("l1", "l2"), self.factors, strict=True):
            in_range(name, factor, 0.0, 1e9)

    def add(self, backend: Backend, weights: Array, loss: Array, gradient: Array | None) -> None:
        """Add the penalty to loss (1,) float64 and, unless None, its derivative to the gradient of the weights."""
        l1, l2 = self.factors
        backend.add_penalty(weights, l1, l2, loss, gradient)


@dataclass(frozen=True)
class L1(Regularizer):
    """Penalise the sum of absolute values: l1 * sum|w|."""

    l1: float = 0.01


@dataclass(frozen=True)
class L2(Regularizer):
    """Penalise the sum of squares: l2 * sum(w^2)."""

    l2: float = 0.01


@dataclass(frozen=True)
class L1L2(Regularizer):
    """Penalise both, absolute values and squares: l1 * sum|w| + l2 * sum(w^2)."""

    l1: float = 0.0
    l2: float = 0.0


def l1_l2(l1: float = 0.01, l2: float = 0.01) -> L1L2:
    """Return an L1L2 whose factors are 0.01 by default, as tf.keras has under this name."""
    return L1L2(l1, l2)


l1, l2 = L1, L2

_MAKERS = names_of({"L1": L1, "L2": L2, "L1L2": L1L2}) | {"l1_l2": l1_l2}


def get_regularizer(argument: str, value: Any) -> Regularizer | None:
    """Return the regularizer that an object, a name or a config stands for; None stays None."""
    return None if value is None else get_object(argument, value, Regularizer, _MAKERS)


if not TYPE_CHECKING:  # for which a module with __getattr__ has every name
    __getattr__ = refuse_missing(globals())
