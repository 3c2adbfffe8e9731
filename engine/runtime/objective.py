"""What a step of training or evaluation measures: the loss, and the metrics beside it."""

from dataclasses import dataclass

from engine.losses import Loss
from engine.metrics import Metric
from kernels import Backend
from kernels.arrays import Array
from kernels.losses import LossOperation


@dataclass(frozen=True)
class Objective:
    """A loss with metrics.

    Attributes:
        loss, metrics: as compile was given them.
    """

    loss: Loss
    metrics: tuple[Metric, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the numbers that `measure` writes: "loss", then the metrics'."""
        return ("loss", *(metric.name for metric in self.metrics))

    def bind(self, backend: Backend, logits: bool) -> "BoundObjective":
        """The operations on a back end; ValueError naming what it lacks.

        logits: whether outputs stand before the last layer's sigmoid.
        """
        loss = backend.loss(self.loss.spec(from_logits=logits))
        return BoundObjective(loss, [backend.loss(metric.spec(from_logits=logits)) for metric in self.metrics])


class BoundObjective:
    """A loss with metrics on a back end."""

    def __init__(self, loss: LossOperation, metrics: list[LossOperation]) -> None:
        self._loss, self._metrics = loss, metrics

    def measure(
        self, output: Array, target: Array, weights: Array | None, values: Array, doutput: Array | None
    ) -> None:
        """Write the numbers, and the loss's gradient unless doutput is None.

        Args:
            output, target, doutput: (T,B,H,W,K).
            weights: of the loss, as for kernels.losses.LossOperation; metrics have none.
            values: (len(names),) float64.
        """
        self._loss(output, target, weights, values[:1], doutput)
        for number, metric in enumerate(self._metrics, start=1):
            metric(output, target, None, values[number : number + 1], None)
