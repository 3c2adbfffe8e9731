"""Losses that are means over all elements."""

from dataclasses import dataclass
from typing import ClassVar

from engine.losses.base import Loss
from engine.support.validation import in_range
from kernels.losses import LossKind, LossSpec


@dataclass(frozen=True)
class BinaryCrossentropy(Loss):
    """Binary cross-entropy, the mean of -(y log p + (1 - y) log(1 - p)), for targets from 0 to 1.

    After a last layer with activation='sigmoid' it is computed from the layer's logits, which is exact where the
    sigmoid saturates (tf.keras 2.x and Keras 3 on TensorFlow do the same). After any other layer p is clipped to
    [1e-7, 1 - 1e-7], with no gradient outside, as Keras 3 does.

    Args:
        from_logits: the last layer's output is the logit: p = sigmoid(output).
        label_smoothing: s, from 0 to 1: y (1 - s) + s / 2 stands for y.
    """

    from_logits: bool = False
    label_smoothing: float = 0.0

    name: ClassVar[str] = "binary_crossentropy"
    kind: ClassVar[LossKind] = "binary_crossentropy"

    def __post_init__(self) -> None:
        in_range("label_smoothing", self.label_smoothing, 0.0, 1.0)

    def folds_in(self, activation: str) -> bool:
        return activation == "sigmoid"

    def spec(self, from_logits: bool, scale: float = 1.0) -> LossSpec:
        return super().spec(from_logits or self.from_logits, scale)


@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """Mean squared error, the mean of (p - y)^2."""

    name: ClassVar[str] = "mse"
    kind: ClassVar[LossKind] = "mean_squared_error"


@dataclass(frozen=True)
class MeanAbsoluteError(Loss):
    """Mean absolute error, the mean of |p - y|; its gradient is 0 where they are equal."""

    name: ClassVar[str] = "mae"
    kind: ClassVar[LossKind] = "mean_absolute_error"


@dataclass(frozen=True)
class Huber(Loss):
    """Huber loss: (p - y)^2 / 2 where |p - y| <= delta, beyond it delta (|p - y| - delta / 2)."""

    delta: float = 1.0

    name: ClassVar[str] = "huber"
    kind: ClassVar[LossKind] = "huber"

    def __post_init__(self) -> None:
        if in_range("delta", self.delta, 0.0, 1e9) == 0.0:
            raise ValueError(f"delta: expected a number above 0, got {self.delta!r}")


@dataclass(frozen=True)
class LogCosh(Loss):
    """log(cosh(p - y)): the square of small errors, the size of large ones."""

    name: ClassVar[str] = "log_cosh"
    kind: ClassVar[LossKind] = "log_cosh"


@dataclass(frozen=True)
class MeanSquaredLogarithmicError(Loss):
    """(log(p + 1) - log(y + 1))^2; what is below 1e-7 counts as that, with no gradient."""

    name: ClassVar[str] = "mean_squared_logarithmic_error"
    kind: ClassVar[LossKind] = "mean_squared_logarithmic_error"


@dataclass(frozen=True)
class MeanAbsolutePercentageError(Loss):
    """100 |p - y| / |y|, where |y| is at least 1e-7."""

    name: ClassVar[str] = "mean_absolute_percentage_error"
    kind: ClassVar[LossKind] = "mean_absolute_percentage_error"


@dataclass(frozen=True)
class Poisson(Loss):
    """p - y log(p + 1e-7), for predictions of at least 0."""

    name: ClassVar[str] = "poisson"
    kind: ClassVar[LossKind] = "poisson"
