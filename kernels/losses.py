"""The terms of losses and metrics: one entry each, from which back ends, losses, metrics and tests take what they need.

To add one: an entry here, and its function in kernels/reference/losses.py, kernels/cpu/pointwise/losses.py and
kernels/cuda/pointwise/loss.cu; a class in engine/losses.py makes a loss of it. A back end without them refuses it by
name.
"""

from dataclasses import dataclass
from typing import Protocol

from kernels.arrays import ArrayT_contra
from kernels.row_losses import PROBABILITY_MARGIN, ROW_TERMS, RowTerm

LossKind = str
"""A name in TERMS or in ROW_TERMS of kernels/row_losses.py."""


@dataclass(frozen=True)
class Term:
    """What a loss or a metric is the mean of, at each element.

    Attributes:
        code: the number that compiled kernels know it by.
        formula: statements that make `term` from the prediction p, the target y and the parameter by its name.
        slope: a statement that makes `slope`, the derivative by p, from what stands in the formula; None: it has none.
        parameter: name of its one parameter, which is an attribute of the losses that have it; None: it has none.
        targets: least and greatest target that it is defined for; None: any.
        has_logit_slope: whether it has a derivative by z too, where p = sigmoid(z).
    """

    code: int
    formula: str
    slope: str | None
    parameter: str | None = None
    targets: tuple[float, float] | None = None
    has_logit_slope: bool = False


TERMS: dict[LossKind, Term] = {
    "binary_crossentropy": Term(
        code=0,
        formula=f"t = y * (1 - label_smoothing) + label_smoothing / 2; "
        f"q = clip(p, {PROBABILITY_MARGIN}, 1 - {PROBABILITY_MARGIN}); "
        "term = -(t * log(q) + (1 - t) * log(1 - q))",
        slope="slope = where(q == p, (q - t) / (q * (1 - q)), 0)",
        parameter="label_smoothing",
        targets=(0.0, 1.0),
        has_logit_slope=True,
    ),
    "mean_squared_error": Term(1, "term = (p - y)**2", "slope = 2 * (p - y)"),
    "mean_absolute_error": Term(2, "term = abs(p - y)", "slope = sign(p - y)"),
    "huber": Term(
        code=3,
        formula="e = abs(p - y); term = where(e <= delta, e**2 / 2, delta * (e - delta / 2))",
        slope="slope = where(e <= delta, p - y, delta * sign(p - y))",
        parameter="delta",
    ),
    "binary_accuracy": Term(4, "term = where((p > threshold) == y, 1, 0)", None, parameter="threshold"),
    "log_cosh": Term(5, "e = abs(p - y); term = e + log((1 + exp(-2 * e)) / 2)", "slope = tanh(p - y)"),
    "mean_squared_logarithmic_error": Term(
        code=6,
        formula=f"d = log(maximum(p, {PROBABILITY_MARGIN}) + 1) - log(maximum(y, {PROBABILITY_MARGIN}) + 1); "
        "term = d**2",
        slope=f"slope = where(p >= {PROBABILITY_MARGIN}, 2 * d / (p + 1), 0)",
    ),
    "mean_absolute_percentage_error": Term(
        code=7,
        formula=f"size = maximum(abs(y), {PROBABILITY_MARGIN}); term = 100 * abs(p - y) / size",
        slope="slope = 100 * sign(p - y) / size",
    ),
    "poisson": Term(8, f"term = p - y * log(p + {PROBABILITY_MARGIN})", f"slope = 1 - y / (p + {PROBABILITY_MARGIN})"),
}
"""By name. Binary cross-entropy of logits is computed from z without clipping."""


def term_of(kind: LossKind) -> Term | RowTerm:
    """The entry of a kind. Raises ValueError: there is none."""
    known: dict[str, Term | RowTerm] = {**TERMS, **ROW_TERMS}
    if kind not in known:
        raise ValueError(f"kind: expected one of {', '.join(known)}, got {kind!r}")
    return known[kind]


@dataclass(frozen=True)
class LossSpec:
    """A mean, over every element or every row, of a term in prediction p and target y.

    Attributes:
        kind: of the term.
        from_logits: the operation is given z, and p = 1 / (1 + exp(-z)), of a term of rows softmax(z).
        parameter: of the term.
        scale: what the gradient is multiplied by, and the mean is not.

    Raises ValueError: there is no such term.
    """

    kind: LossKind
    from_logits: bool = False
    parameter: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        term_of(self.kind)

    @property
    def of_rows(self) -> bool:
        """Whether the term looks at whole rows, the last axis."""
        return self.kind in ROW_TERMS

    @property
    def has_gradient(self) -> bool:
        """Whether the operation can write one."""
        term = term_of(self.kind)
        if isinstance(term, RowTerm):
            return (term.of_logits if self.from_logits else term.slope) is not None
        return term.has_logit_slope if self.from_logits else term.slope is not None


class LossOperation(Protocol[ArrayT_contra]):
    """A loss or a metric of whole outputs, with its gradient, on a back end."""

    def __call__(
        self,
        output: ArrayT_contra,
        target: ArrayT_contra,
        weights: ArrayT_contra | None,
        loss: ArrayT_contra,
        doutput: ArrayT_contra | None,
    ) -> None:
        """Write the mean, and the gradient unless doutput is None.

            loss    = sum(w * term) / n
            doutput = scale * w * term' / n

        Args:
            output, target, doutput: any one shape; target (..., 1) where it holds classes. n is the number of terms,
                of elements or of rows.
            weights: one number w for each run of n / weights.size terms, such as (T,B,1,1,1) for frames (T,B,H,W,K);
                None is 1.
            loss: (1,) float64, on the device.
        """
