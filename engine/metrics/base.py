"""What a metric is: numbers that are measured of every batch, how batches are put together, and the result."""

import copy
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from engine.registry import is_registered, name_of
from kernels import Backend
from kernels.arrays import Array, HostArray
from kernels.losses import LossKind, LossSpec, term_of
from kernels.row_losses import RowTerm

Measure = Callable[[Array, Array, Array], None]
"""(output, target, values): write the numbers of a batch into values (width,) float64."""


class Metric:
    """A metric, the mean of a term over all elements or rows of the output, unless a subclass says otherwise.

    Attributes:
        name: in History and in what evaluate returns.
        kind, parameter: of the term, as for kernels.losses.LossSpec.
        from_logits: the network's output is a logit in the metric's eyes.
        arguments: of a subclass, the names of its constructor's, which are attributes; None: files hold the term.
    """

    arguments: ClassVar[tuple[str, ...] | None] = None

    def __init__(self, name: str, kind: LossKind, parameter: float = 0.0, from_logits: bool = False) -> None:
        self.name, self.kind, self.parameter, self.from_logits = name, kind, parameter, from_logits
        self.spec(from_logits=False)

    def spec(self, from_logits: bool) -> LossSpec:
        """Return what a back end is to compute; from_logits where the last activation was folded into the loss."""
        return LossSpec(self.kind, from_logits or self.from_logits, self.parameter)

    @property
    def width(self) -> int:
        """How many numbers it keeps of a batch."""
        return 1

    @property
    def of_rows(self) -> bool:
        """True for a metric that looks at whole rows, so that logits are those of a softmax."""
        return self.spec(from_logits=False).of_rows

    @property
    def larger_is_better(self) -> bool:
        """Whether a callback that watches it waits for more."""
        return self.kind.endswith("accuracy")

    def fits(self, classes: bool) -> bool:
        """Tell whether the metric takes the targets of the loss, which are numbers of classes, or like the output."""
        term = term_of(self.kind)
        return classes == (isinstance(term, RowTerm) and term.classes)

    def bind(self, backend: Backend, shape: tuple[int, ...], classes: bool, logits: bool) -> Measure:
        """What measures a batch on a back end; ValueError naming what that lacks.

        Args:
            shape: of the output, without the axis of the batch.
            classes: whether targets are the numbers of classes.
            logits: whether the last activation was folded into the loss.
        """
        operation = backend.loss(self.spec(from_logits=logits))
        return lambda output, target, values: operation(output, target, None, values, None)

    def result(self, rows: HostArray, movies: Sequence[float]) -> float:
        """Put batches together: rows (batches, width) as they were measured, and their numbers of movies."""
        return float(np.asarray(movies) @ rows[:, 0] / sum(movies))

    def renamed(self, name: str) -> "Metric":
        """Return this metric under another name."""
        other = copy.copy(self)
        other.name = name
        return other

    def get_config(self) -> dict[str, Any]:
        """Return a JSON-able description, from which get_metric makes the metric again."""
        if self.arguments is not None and is_registered(type(self)):
            arguments = {argument: getattr(self, argument) for argument in self.arguments}
            return {"class_name": name_of(type(self)), "config": {"name": self.name, **arguments}}
        return {"name": self.name, "kind": self.kind, "parameter": self.parameter, "from_logits": self.from_logits}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Metric) and other.get_config() == self.get_config()

    def __hash__(self) -> int:
        return hash((type(self), self.name))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.get_config()})"


def refuse(metric: str, **arguments: Any) -> None:
    """Refuse arguments of Keras that are given and that no metric here has."""
    for name, value in arguments.items():
        if value not in (None, False):
            raise ValueError(f"{name}: {metric} has no such argument here, got {value!r}")
