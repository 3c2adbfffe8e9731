"""The rules that move weights: one entry each, from which back ends, optimizers, file formats and tests take theirs.

To add one: an entry here, and its function in kernels/reference/optimizers.py, kernels/cpu/pointwise/optimizers.py and
kernels/cuda/pointwise/optimizers.cu; a class in engine/optimizers/ makes an optimizer of it. A back end without them
refuses it by name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from kernels.arrays import ArrayT_contra


@dataclass(frozen=True)
class Slot:
    """A flat buffer that a rule keeps beside the weights.

    Attributes:
        name: Keras 3's, by which checkpoints hold it.
        symbol: that stands for it in the rule's formula.
        power: the slot is multiplied by r to this power where a weight is r times as large: 1 for what is added to
            weights, -1 for a gradient, and twice that for their squares.
    """

    name: str
    symbol: str
    power: int


@dataclass(frozen=True)
class UpdateRule:
    """How one step moves weights w by their gradients g.

    Attributes:
        formula: statements on w, g, the slots' symbols, the hyperparameters and the rates.
        slots: in Keras' order.
        hyperparameters: names of the numbers that stay.
        rates: names of the numbers that change from step to step.
    """

    formula: str
    slots: tuple[Slot, ...] = ()
    hyperparameters: tuple[str, ...] = ()
    rates: tuple[str, ...] = ("rate",)


_MEANS = "m = m + (1 - beta_1) * (g - m); s = s + (1 - beta_2) * (g**2 - s); "
_MEAN_SLOTS = (Slot("momentum", "m", -1), Slot("velocity", "s", -2))
_VELOCITY = (Slot("momentum", "v", 1),)
_SQUARE = "s = rho * s + (1 - rho) * g**2; "
_SQUARE_AND_MEAN = _SQUARE + "a = rho * a + (1 - rho) * g; "
_SQUARE_SLOT, _MEAN_SLOT = Slot("velocity", "s", -2), Slot("average_gradient", "a", -1)

UPDATES: dict[str, UpdateRule] = {
    "adadelta": UpdateRule(
        "a = rho * a + (1 - rho) * g**2; u = g * sqrt(d + epsilon) / sqrt(a + epsilon); "
        "w = w - rate * u; d = rho * d + (1 - rho) * u**2",
        (Slot("accumulated_gradient", "a", -2), Slot("accumulated_delta", "d", 2)),
        ("rho", "epsilon"),
    ),
    "sgd": UpdateRule("w = w - rate * g"),
    "momentum": UpdateRule("v = momentum * v - rate * g; w = w + v", _VELOCITY, ("momentum",)),
    "nesterov": UpdateRule("v = momentum * v - rate * g; w = w + momentum * v - rate * g", _VELOCITY, ("momentum",)),
    "adam": UpdateRule(_MEANS + "w = w - rate * m / (sqrt(s) + epsilon)", _MEAN_SLOTS, ("beta_1", "beta_2", "epsilon")),
    "amsgrad": UpdateRule(
        _MEANS + "h = maximum(h, s); w = w - rate * m / (sqrt(h) + epsilon)",
        (*_MEAN_SLOTS, Slot("velocity_hat", "h", -2)),
        ("beta_1", "beta_2", "epsilon"),
    ),
    "nadam": UpdateRule(
        _MEANS + "w = w - rate * (of_mean * m + of_gradient * g) / (sqrt(s / of_square) + epsilon)",
        _MEAN_SLOTS,
        ("beta_1", "beta_2", "epsilon"),
        ("rate", "of_mean", "of_gradient", "of_square"),
    ),
    "rmsprop": UpdateRule(
        _SQUARE + "w = w - rate * g / sqrt(s + epsilon)",
        (_SQUARE_SLOT,),
        ("rho", "epsilon"),
    ),
    "rmsprop_centered": UpdateRule(
        _SQUARE_AND_MEAN + "w = w - rate * g / sqrt(s - a**2 + epsilon)",
        (_SQUARE_SLOT, _MEAN_SLOT),
        ("rho", "epsilon"),
    ),
    "rmsprop_momentum": UpdateRule(
        _SQUARE + "v = momentum * v + rate * g / sqrt(s + epsilon); w = w - v",
        (_SQUARE_SLOT, *_VELOCITY),
        ("rho", "epsilon", "momentum"),
    ),
    "rmsprop_centered_momentum": UpdateRule(
        _SQUARE_AND_MEAN + "v = momentum * v + rate * g / sqrt(s - a**2 + epsilon); w = w - v",
        (_SQUARE_SLOT, *_VELOCITY, _MEAN_SLOT),
        ("rho", "epsilon", "momentum"),
    ),
}
"""By name: Zeiler 2012, as Keras 2.3 has it; gradient descent; Kingma and Ba 2014; Reddi 2018; Dozat 2016; Hinton 2012.

The rate of adam and amsgrad is the learning rate times sqrt(1 - beta_2^t) / (1 - beta_1^t), t counting steps from 1.
"""


@dataclass(frozen=True)
class UpdateSpec:
    """A rule with its hyperparameters.

    Raises ValueError: there is no such rule, or its hyperparameters are others.
    """

    rule: str
    hyperparameters: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.rule not in UPDATES:
            raise ValueError(f"rule: expected one of {', '.join(UPDATES)}, got {self.rule!r}")
        wanted = UPDATES[self.rule].hyperparameters
        if set(self.hyperparameters) != set(wanted):
            raise ValueError(
                f"hyperparameters: {self.rule} expects {', '.join(wanted) or 'none'}, "
                f"got {', '.join(self.hyperparameters) or 'none'}"
            )

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The slots of the rule."""
        return UPDATES[self.rule].slots

    @property
    def rates(self) -> tuple[str, ...]:
        """Names of the rule's rates."""
        return UPDATES[self.rule].rates

    def number(self, name: str) -> float:
        """A hyperparameter, or as one_minus_NAME what it lacks to 1, taken in float64."""
        base = name.removeprefix("one_minus_")
        return self.hyperparameters[name] if base == name else 1.0 - self.hyperparameters[base]


class UpdateOperation(Protocol[ArrayT_contra]):
    """A rule on a back end."""

    def __call__(
        self, weights: ArrayT_contra, gradients: ArrayT_contra, slots: Sequence[ArrayT_contra], rate: ArrayT_contra
    ) -> None:
        """Make one step on flat buffers (P,), in place.

        Args:
            slots: flat buffers (P,), in the rule's order.
            rate: the rule's rates (R,) on the device, so that a recorded step (see Backend.record) need not be recorded
                anew; R is 1 for most.
        """


class ClipOperation(Protocol[ArrayT_contra]):
    """A ClipSpec on a back end."""

    def __call__(self, gradients: ArrayT_contra) -> None:
        """Make a flat buffer of gradients (P,) smaller, in place.

        Norms are Euclidean, summed in float64 in one order; a factor is limit / norm where norm exceeds the limit.
        """
