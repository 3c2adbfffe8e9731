"""The terms of losses and metrics that look at whole rows, the last axis: one entry each, as in kernels/losses.py.

To add one: an entry here, and its function in kernels/reference/row_losses.py, kernels/cpu/pointwise/row_losses.py and
kernels/cuda/pointwise/row_loss.cu; a class in engine/losses/ makes a loss of it. A back end without them refuses it by
name.
"""

from dataclasses import dataclass

PROBABILITY_MARGIN = 1e-7
"""Keras' epsilon, which keeps probabilities off 0 and 1 in a logarithm."""


@dataclass(frozen=True)
class RowTerm:
    """What a loss or a metric is the mean of, at each row of K numbers.

    Statements are on arrays whose last axis is the row. `sum`, `max`, `argmax` and `onehot` go over the row and keep
    its axis; onehot(y) is 1 at the class y and 0 elsewhere.

    Attributes:
        code: the number that compiled kernels know it by.
        formula: statements that make `term` (..., 1) from the prediction p, the target y, K and the parameter.
        slope: a statement that makes `slope` (..., K), the derivative by p; None: it has none.
        of_logits: such statements from z, where p = softmax(z), and the derivative by z; None: they are no case of it.
        parameter: name of its one parameter, which is an attribute of the losses that have it; None: it has none.
        classes: whether targets (..., 1) are the numbers of classes, 0 to K - 1; else they are like the prediction.
        targets: least and greatest target that it is defined for; None: any.
    """

    code: int
    formula: str
    slope: str | None
    of_logits: tuple[str, str] | None = None
    parameter: str | None = None
    classes: bool = False
    targets: tuple[float, float] | None = None


_LOW, _HIGH = PROBABILITY_MARGIN, f"1 - {PROBABILITY_MARGIN}"
_SMOOTHED = "t = y * (1 - label_smoothing) + label_smoothing / K; "
_LOG_SUM = "l = max(z) + log(sum(exp(z - max(z)))); "

ROW_TERMS: dict[str, RowTerm] = {
    "categorical_crossentropy": RowTerm(
        code=0,
        formula=_SMOOTHED + f"r = p / sum(p); q = clip(r, {_LOW}, {_HIGH}); term = -sum(t * log(q))",
        slope="u = where(q == r, -t / q, 0); slope = (u - sum(u * r)) / sum(p)",
        of_logits=(_SMOOTHED + _LOG_SUM + "term = sum(t * (l - z))", "slope = sum(t) * exp(z - l) - t"),
        parameter="label_smoothing",
        targets=(0.0, 1.0),
    ),
    "sparse_categorical_crossentropy": RowTerm(
        code=1,
        formula=f"q = clip(p, {_LOW}, {_HIGH}); term = log(sum(q)) - log(sum(onehot(y) * q))",
        slope="slope = where(q == p, 1 / sum(q) - onehot(y) / q, 0)",
        of_logits=(_LOG_SUM + "term = l - sum(onehot(y) * z)", "slope = exp(z - l) - onehot(y)"),
        classes=True,
    ),
    "kl_divergence": RowTerm(
        code=2,
        formula=f"t = clip(y, {_LOW}, 1); q = clip(p, {_LOW}, 1); term = sum(t * log(t / q))",
        slope="slope = where(q == p, -t / q, 0)",
        targets=(0.0, 1.0),
    ),
    "cosine_similarity": RowTerm(
        code=3,
        formula=f"a = 1 / maximum(sqrt(sum(p * p)), {_LOW}); b = 1 / maximum(sqrt(sum(y * y)), {_LOW}); "
        "term = -sum(a * p * b * y)",
        slope=f"slope = -a * b * y - where(a * {_LOW} < 1, term * a * a * p, 0)",
    ),
    "categorical_accuracy": RowTerm(4, "term = where(argmax(p) == argmax(y), 1, 0)", None),
    "sparse_categorical_accuracy": RowTerm(5, "term = where(argmax(p) == y, 1, 0)", None, classes=True),
}
"""By name. Categorical cross-entropy of probabilities divides them by their sum and clips them, the sparse one clips
them and divides by the sum of those, as Keras on TensorFlow does."""
