"""The terms of losses and metrics: one entry each, from which back ends, losses, metrics and tests take what they need.

To add one: an entry here, and its function in kernels/reference/losses.py, kernels/cpu/pointwise/losses.py and
kernels/cuda/pointwise/loss.cu; a class in engine/losses.py makes a loss of it. A back end without them refuses it by
name.
"""

from dataclasses import dataclass
from typing import Protocol

from kernels.arrays import ArrayT_contra

LossKind = str
"""A name in TERMS."""

PROBABILITY_MARGIN = 1e-7
"""Keras' epsilon, which keeps probabilities off 0 and 1 in a logarithm."""


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
}
"""By name. Binary cross-entropy of logits is computed from z without clipping."""


@dataclass(frozen=True)
class LossSpec:
    """A mean over every element of a term in prediction p and target y.

    Attributes:
        kind: of the term, a name in TERMS.
        from_logits: the operation is given z, and p = 1 / (1 + exp(-z)).
        parameter: of the term.
        scale: what the gradient is multiplied by, and the mean is not.

    Raises ValueError: there is no such term.
    """

    kind: LossKind
    from_logits: bool = False
    parameter: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in TERMS:
            raise ValueError(f"kind: expected one of {', '.join(TERMS)}, got {self.kind!r}")

    @property
    def has_gradient(self) -> bool:
        """Whether the operation can write one."""
        term = TERMS[self.kind]
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
            output, target, doutput: any one shape, of n elements.
            weights: one number w for each run of n / weights.size elements, such as (T,B,1,1,1) for frames
                (T,B,H,W,K); None is 1.
            loss: (1,) float64, on the device.
        """
