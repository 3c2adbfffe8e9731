"""Losses that look at whole rows, the last axis: of classes, and of vectors."""

from dataclasses import dataclass
from typing import ClassVar

from engine.losses.base import Loss
from engine.support.validation import in_range
from kernels.losses import LossKind, LossSpec


@dataclass(frozen=True)
class CategoricalCrossentropy(Loss):
    """Categorical cross-entropy, the mean over rows of -sum(y log p), for targets that are shares of classes.

    After a last layer with activation='softmax' it is computed from the layer's logits, which is exact where the
    softmax saturates (tf.keras 2.x and Keras 3 on TensorFlow do the same). After any other layer p is divided by the
    row's sum and clipped to [1e-7, 1 - 1e-7], with no gradient outside.

    Args:
        from_logits: the last layer's output is the logits: p = softmax(output).
        label_smoothing: s, from 0 to 1: y (1 - s) + s / K stands for y, K being the number of classes.
    """

    from_logits: bool = False
    label_smoothing: float = 0.0

    name: ClassVar[str] = "categorical_crossentropy"
    kind: ClassVar[LossKind] = "categorical_crossentropy"

    def __post_init__(self) -> None:
        in_range("label_smoothing", self.label_smoothing, 0.0, 1.0)

    def folds_in(self, activation: str) -> bool:
        return activation == "softmax"

    def spec(self, from_logits: bool, scale: float = 1.0) -> LossSpec:
        return super().spec(from_logits or self.from_logits, scale)


@dataclass(frozen=True)
class SparseCategoricalCrossentropy(Loss):
    """Categorical cross-entropy for targets that are the numbers of classes, integers from 0 to K - 1.

    Targets have the output's shape without its last axis, or with a last axis of 1. Probabilities are clipped to
    [1e-7, 1 - 1e-7] and then divided by their sum, as Keras on TensorFlow does; logits as for CategoricalCrossentropy.

    Args:
        from_logits: the last layer's output is the logits.
        ignore_class: refused; weigh those pixels by nothing: sample_weight=(y != ignored).
    """

    from_logits: bool = False
    ignore_class: None = None

    name: ClassVar[str] = "sparse_categorical_crossentropy"
    kind: ClassVar[LossKind] = "sparse_categorical_crossentropy"

    def __post_init__(self) -> None:
        if self.ignore_class is not None:
            raise ValueError(
                f"ignore_class: expected None, got {self.ignore_class!r}; give the pixels of that class the weight 0 "
                "and a class that there is: sample_weight=(y != ignored), y=np.where(y == ignored, 0, y)"
            )

    def folds_in(self, activation: str) -> bool:
        return activation == "softmax"

    def spec(self, from_logits: bool, scale: float = 1.0) -> LossSpec:
        return super().spec(from_logits or self.from_logits, scale)


@dataclass(frozen=True)
class KLDivergence(Loss):
    """Kullback-Leibler divergence, the mean over rows of sum(y log(y / p)), both clipped to [1e-7, 1]."""

    name: ClassVar[str] = "kl_divergence"
    kind: ClassVar[LossKind] = "kl_divergence"


@dataclass(frozen=True)
class CosineSimilarity(Loss):
    """Minus the cosine of the angle between the rows of prediction and target: -1 where they point the same way.

    Args:
        axis: -1, the last one; others are refused.
    """

    axis: int = -1

    name: ClassVar[str] = "cosine_similarity"
    kind: ClassVar[LossKind] = "cosine_similarity"

    def __post_init__(self) -> None:
        if self.axis != -1:
            raise ValueError(f"axis: expected -1, the last axis, got {self.axis!r}")
