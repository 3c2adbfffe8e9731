"""What a step of training or evaluation measures: a loss for each output, and metrics beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.layers.weight import time_major
from engine.losses import Loss
from engine.metrics import Metric
from kernels import Backend
from kernels.arrays import Array, HostArray
from kernels.losses import LossOperation


@dataclass(frozen=True)
class Objective:
    """Losses with metrics, as compile was given them, for each output of a network.

    Attributes:
        losses: None for an output that nothing is asked of.
        metrics: of each output.
        loss_weights: what each loss counts in the one that training minimises.
        outputs: their names, which stand in front of what is reported where there are several.
    """

    losses: tuple[Loss | None, ...]
    metrics: tuple[tuple[Metric, ...], ...] = ((),)
    loss_weights: tuple[float, ...] = (1.0,)
    outputs: tuple[str, ...] = ("output",)

    @property
    def is_single(self) -> bool:
        """Whether there is one output, whose loss is the loss."""
        return len(self.losses) == 1

    @property
    def names(self) -> tuple[str, ...]:
        """Names of what `results` gives: "loss", each output's loss where there are several, then the metrics'."""
        if self.is_single:
            return ("loss", *(metric.name for metric in self.metrics[0]))
        losses = [f"{output}_loss" for output, loss in zip(self.outputs, self.losses, strict=True) if loss is not None]
        metrics = [
            f"{output}_{metric.name}"
            for output, of_output in zip(self.outputs, self.metrics, strict=True)
            for metric in of_output
        ]
        return ("loss", *losses, *metrics)

    @property
    def width(self) -> int:
        """How many numbers a step writes."""
        return self._losses_width + sum(metric.width for of_output in self.metrics for metric in of_output)

    @property
    def _losses_width(self) -> int:
        return 1 if self.is_single else 1 + sum(loss is not None for loss in self.losses)

    def results(self, rows: HostArray, sizes: Sequence[int]) -> dict[str, float]:
        """What steps measured, by name: losses are means weighted by the steps' numbers of movies.

        rows: (steps, width), as BoundObjective.measure wrote them.
        """
        weights, at = [float(size) for size in sizes], self._losses_width
        found = (self.totals(rows)[:, :at].T @ weights / sum(weights)).tolist()
        for metric in (metric for of_output in self.metrics for metric in of_output):
            found.append(metric.result(rows[:, at : at + metric.width], weights))
            at += metric.width
        return dict(zip(self.names, found, strict=True))

    def totals(self, rows: HostArray) -> HostArray:
        """Rows (steps, width) with the whole loss first: where there are several outputs, penalties stand there."""
        if self.is_single:
            return rows
        totals = rows.copy()
        counted = [weight for weight, loss in zip(self.loss_weights, self.losses, strict=True) if loss is not None]
        for number, weight in enumerate(counted, start=1):
            totals[:, 0] += weight * rows[:, number]
        return totals

    @property
    def on_host(self) -> bool:
        """Whether a loss is computed on the host, so that a step cannot be recorded."""
        return any(loss is not None and loss.on_host for loss in self.losses)

    def bind(
        self, backend: Backend, shapes: Sequence[tuple[int, ...]], batch: int, logits: Sequence[bool]
    ) -> "BoundObjective":
        """The operations on a back end; ValueError naming what it lacks.

        Args:
            shapes: of the outputs, without the axis of the batch.
            batch: how many movies it has.
            logits: for each output, whether it stands before the last layer's sigmoid or softmax.
        """
        losses = [
            None if loss is None else loss.bind(backend, shape, before, weight)
            for loss, shape, before, weight in zip(self.losses, shapes, logits, self.loss_weights, strict=True)
        ]
        metrics = [
            BoundMetrics(backend, of_output, loss, shape, batch, before)
            for of_output, loss, shape, before in zip(self.metrics, self.losses, shapes, logits, strict=True)
        ]
        return BoundObjective(backend, losses, metrics)


class BoundMetrics:
    """The metrics of one output on a back end.

    Where the loss took the softmax in, metrics that look at elements are given the softmax of the output.

    Attributes:
        width: how many numbers they write.
    """

    def __init__(
        self,
        backend: Backend,
        metrics: Sequence[Metric],
        loss: Loss | None,
        shape: tuple[int, ...],
        batch: int,
        logits: bool,
    ) -> None:
        classes = loss is not None and loss.classes
        softmax = logits and loss is not None and loss.spec(from_logits=True).of_rows
        self._of_shares = [softmax and not metric.of_rows for metric in metrics]
        self._measures = [
            metric.bind(backend, shape, classes, logits and not of_shares)
            for metric, of_shares in zip(metrics, self._of_shares, strict=True)
        ]
        self._widths = [metric.width for metric in metrics]
        self.width = sum(self._widths)
        self._softmax = backend.softmax() if any(self._of_shares) else None
        self._shares: Any = backend.empty(time_major(shape, batch)) if any(self._of_shares) else None

    def measure(self, output: Array, target: Array, values: Array) -> None:
        """Write their numbers, one metric's after another's."""
        if self._softmax is not None:
            self._softmax.forward(output, self._shares)
        at = 0
        for measure, of_shares, width in zip(self._measures, self._of_shares, self._widths, strict=True):
            measure(self._shares if of_shares else output, target, values[at : at + width])
            at += width


class BoundObjective:
    """Losses with metrics on a back end."""

    def __init__(self, backend: Backend, losses: list[LossOperation | None], metrics: list[BoundMetrics]) -> None:
        self._backend, self._losses, self._metrics = backend, losses, metrics
        self._zero = backend.zeros((1,), "float64")

    def measure(
        self,
        outputs: Sequence[Array],
        targets: Sequence[Array],
        weights: Sequence[Array | None],
        values: Array,
        gradients: Sequence[Array | None],
    ) -> None:
        """Write the numbers, and the losses' gradients unless they are None.

        Args:
            outputs, targets, gradients: (T,B,H,W,K) for each output.
            weights: of the losses, as for kernels.losses.LossOperation; metrics have none.
            values: (width,) float64; the first is for the penalties alone where there are several outputs.
        """
        at = 0
        if len(self._losses) > 1:
            self._backend.copy_into(values[:1], self._zero)
            at = 1
        for number, loss in enumerate(self._losses):
            if loss is not None:
                loss(outputs[number], targets[number], weights[number], values[at : at + 1], gradients[number])
                at += 1
        for output, target, of_output in zip(outputs, targets, self._metrics, strict=True):
            of_output.measure(output, target, values[at : at + of_output.width])
            at += of_output.width
