"""Penalties on weights that are added to the loss, by Keras' names."""

from dataclasses import dataclass
from typing import Any

from engine.keras_objects import KerasObject, get_object, names_of
from engine.support.validation import in_range
from kernels import Backend

Array = Any


@dataclass(frozen=True)
class Regularizer(KerasObject):
    """l1 * sum|w| + l2 * sum(w^2)."""

    @property
    def factors(self) -> tuple[float, float]:
        """l1 and l2."""
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
    """l1 * sum|w|."""

    l1: float = 0.01


@dataclass(frozen=True)
class L2(Regularizer):
    """l2 * sum(w^2)."""

    l2: float = 0.01


@dataclass(frozen=True)
class L1L2(Regularizer):
    """l1 * sum|w| + l2 * sum(w^2)."""

    l1: float = 0.0
    l2: float = 0.0


def l1_l2(l1: float = 0.01, l2: float = 0.01) -> L1L2:
    """Both at once, each 0.01 unless said otherwise (the name as a string means that, as in tf.keras)."""
    return L1L2(l1, l2)


l1, l2 = L1, L2

_MAKERS = names_of({"L1": L1, "L2": L2, "L1L2": L1L2}) | {"l1_l2": l1_l2}


def get_regularizer(argument: str, value: Any) -> Regularizer | None:
    """A regularizer by object, name or config; None is none."""
    return None if value is None else get_object(argument, value, Regularizer, _MAKERS)
