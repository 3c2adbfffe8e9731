"""What a step of training or evaluation measures: the loss, and the metrics beside it."""

from dataclasses import dataclass
from typing import Any

from engine.losses import Loss
from engine.metrics import Metric
from kernels import Backend

Array = Any


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

    def measure(
        self,
        backend: Backend,
        logits: bool,
        output: Array,
        target: Array,
        weights: Array | None,
        values: Array,
        doutput: Array | None,
    ) -> None:
        """Write the numbers, and the loss's gradient unless doutput is None.

        Args:
            logits: whether output stands before the last layer's sigmoid.
            output, target, doutput: (T,B,H,W,K).
            weights: of the loss, as for Backend.loss_forward_backward.
            values: (len(names),) float64.
        """
        loss = self.loss.spec(from_logits=logits)
        backend.loss_forward_backward(loss, output, target, weights, values[:1], doutput)
        for number, metric in enumerate(self.metrics, start=1):
            value = values[number : number + 1]
            backend.loss_forward_backward(metric.spec(from_logits=logits), output, target, None, value, None)
