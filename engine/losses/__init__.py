"""Losses, what training minimises, under Keras' names.

Every loss is a mean over all elements or over all rows, with sample weights sum(w * term) / n: Keras' reduction
"sum_over_batch_size".
"""

from typing import TYPE_CHECKING, Any

from engine.losses.base import Loss
from engine.losses.elementwise import (
    BinaryCrossentropy,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
)
from engine.losses.own import FunctionLoss
from engine.losses.rows import (
    CategoricalCrossentropy,
    CosineSimilarity,
    KLDivergence,
    SparseCategoricalCrossentropy,
)
from engine.registry import Registry, given_function
from engine.support.missing_names import refuse_missing
from engine.support.validation import one_of
from kernels.losses import TERMS, term_of
from kernels.row_losses import ROW_TERMS

__all__ = [
    "LOSSES",
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "CosineSimilarity",
    "FunctionLoss",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "get_loss",
]


def _check(loss: Any) -> None:
    """Refuse a loss, or a class of losses, that no back end computes the mean or the gradient of."""
    name = loss.__name__ if isinstance(loss, type) else type(loss).__name__
    trainable = [kind for kind in (*TERMS, *ROW_TERMS) if term_of(kind).slope is not None]
    kind = getattr(loss, "kind", None)
    if kind not in trainable:
        raise ValueError(f"loss: expected a kind of {', '.join(trainable)}, got {kind!r} of {name}")
    if isinstance(loss, type):
        return
    parameter = term_of(kind).parameter
    if parameter is not None and not hasattr(loss, parameter):
        raise ValueError(f"loss: expected {name} to have an attribute {parameter}, the parameter of {kind}, got none")
    folds_in = any(loss.folds_in(activation) for activation in ("sigmoid", "softmax"))
    if folds_in and not loss.spec(from_logits=True).has_gradient:
        raise ValueError(f"loss: expected {name}.folds_in to return False, for {kind} has no gradient by logits")
    if not loss.spec(from_logits=False).has_gradient:
        raise ValueError(f"loss: expected {name}.spec to have a gradient, got {loss.spec(from_logits=False)}")


LOSSES: Registry[Loss] = Registry(
    "loss",
    Loss,
    (
        BinaryCrossentropy,
        MeanSquaredError,
        MeanAbsoluteError,
        Huber,
        LogCosh,
        MeanSquaredLogarithmicError,
        MeanAbsolutePercentageError,
        Poisson,
        CategoricalCrossentropy,
        SparseCategoricalCrossentropy,
        KLDivergence,
        CosineSimilarity,
    ),
    _check,
    aliases={
        "mean_squared_error": MeanSquaredError,
        "mean_absolute_error": MeanAbsoluteError,
        "bce": BinaryCrossentropy,
        "huber_loss": Huber,
        "logcosh": LogCosh,
        "msle": MeanSquaredLogarithmicError,
        "mape": MeanAbsolutePercentageError,
        "kld": KLDivergence,
        "kullback_leibler_divergence": KLDivergence,
    },
)
"""The losses by Keras' class names, and those of one's own that engine.register was given."""


def get_loss(loss: Any) -> Loss:
    """Return the Loss that an object, a function, a name ("mse", "MeanSquaredError") or a get_config result stands for.

    Raises ValueError: an unknown name, or a loss of one's own of a kind that no back end computes.
    """
    if isinstance(loss, FunctionLoss):
        return loss
    if isinstance(loss, Loss):
        _check(loss)
        return loss
    name = loss.get("class_name") if isinstance(loss, dict) else loss
    function = given_function(name) if isinstance(name, str) else None
    if function is not None:
        return FunctionLoss(function)
    if isinstance(loss, dict):
        return LOSSES[one_of("loss", name, LOSSES)](**(loss.get("config") or {}))
    if callable(loss) and not isinstance(loss, type):
        return FunctionLoss(loss)
    cls: type[Loss] = LOSSES.find(loss)
    return cls()


if not TYPE_CHECKING:  # for which a module with __getattr__ has every name
    __getattr__ = refuse_missing(globals())
