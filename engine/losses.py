"""Losses, what training minimises, under Keras' names.

Every loss is a mean over all elements, with sample weights sum(w * term) / n: Keras' reduction "sum_over_batch_size".
"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from engine.registry import Registry, is_registered, name_of
from engine.support.missing_names import refuse_missing
from engine.support.validation import in_range, one_of
from kernels.losses import TERMS, LossKind, LossSpec


@dataclass(frozen=True)
class Loss:
    """A loss, the mean of a term over all elements of the output.

    A subclass is a dataclass whose fields are its arguments; the term's parameter is the one of its name.

    Attributes:
        name: Keras' short name.
        kind: of the term that it is the mean of, a name in kernels.losses.TERMS.
    """

    name: ClassVar[str]
    kind: ClassVar[LossKind]

    def folds_in(self, activation: str) -> bool:
        """Tell whether the loss absorbs the last layer's activation and is computed from its input, the logits."""
        return False

    def spec(self, from_logits: bool, scale: float = 1.0) -> LossSpec:
        """Return what a back end is to compute.

        Args:
            from_logits: whether the last activation was folded in.
            scale: what the gradient is multiplied by, the loss's weight among others.
        """
        parameter = TERMS[self.kind].parameter
        return LossSpec(self.kind, from_logits, 0.0 if parameter is None else float(getattr(self, parameter)), scale)

    def get_config(self) -> str | dict[str, Any]:
        """Return the name if all arguments are defaults, else class and arguments; JSON-able.

        A class of one's own never goes by a name that it inherits from another loss.
        """
        if "name" in type(self).__dict__ and is_registered(type(self)) and self == type(self)():
            return self.name
        return {"class_name": name_of(type(self)), "config": asdict(self)}


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


def _check(loss: Any) -> None:
    """Refuse a loss, or a class of losses, that no back end computes the mean or the gradient of."""
    name = loss.__name__ if isinstance(loss, type) else type(loss).__name__
    trainable = [kind for kind, term in TERMS.items() if term.slope is not None]
    kind = getattr(loss, "kind", None)
    if kind not in trainable:
        raise ValueError(f"loss: expected a kind of {', '.join(trainable)}, got {kind!r} of {name}")
    if isinstance(loss, type):
        return
    parameter = TERMS[kind].parameter
    if parameter is not None and not hasattr(loss, parameter):
        raise ValueError(f"loss: expected {name} to have an attribute {parameter}, the parameter of {kind}, got none")
    if loss.folds_in("sigmoid") and not loss.spec(from_logits=True).has_gradient:
        raise ValueError(f"loss: expected {name}.folds_in to return False, for {kind} has no gradient by logits")
    if not loss.spec(from_logits=False).has_gradient:
        raise ValueError(f"loss: expected {name}.spec to have a gradient, got {loss.spec(from_logits=False)}")


LOSSES: Registry[Loss] = Registry(
    "loss",
    Loss,
    (BinaryCrossentropy, MeanSquaredError, MeanAbsoluteError, Huber),
    _check,
    aliases={
        "mean_squared_error": MeanSquaredError,
        "mean_absolute_error": MeanAbsoluteError,
        "bce": BinaryCrossentropy,
        "huber_loss": Huber,
    },
)
"""The losses by Keras' class names, and those of one's own that engine.register was given."""


def get_loss(loss: Any) -> Loss:
    """Return the Loss that an object, a name ("mse", "MSE", "MeanSquaredError") or a get_config result stands for.

    Raises ValueError: an unknown name, or a loss of one's own of a kind that no back end computes.
    """
    if isinstance(loss, Loss):
        _check(loss)
        return loss
    if isinstance(loss, dict):
        return LOSSES[one_of("loss", loss.get("class_name"), LOSSES)](**(loss.get("config") or {}))
    cls: type[Loss] = LOSSES.find(loss)
    return cls()


if not TYPE_CHECKING:  # for which a module with __getattr__ has every name
    __getattr__ = refuse_missing(globals())
