"""Metrics, reported by training and evaluation beside the loss, under Keras' names.

Each is a mean over all elements, computed on the device from the very output that the loss is computed from, in
training before the update. Over the batches of an epoch it is weighted by their numbers of movies, and sample weights
do not touch it, both as in Keras.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.losses import LOSSES, Loss
from engine.registry import Registry
from engine.support.missing_names import refuse_missing
from engine.support.validation import in_range
from kernels.losses import LossKind, LossSpec


@dataclass(frozen=True)
class Metric:
    """A metric, the mean of a term over all elements of the output.

    Attributes:
        name: in History and in what evaluate returns.
        kind, parameter: of the operation, as for kernels.losses.LossSpec.
        from_logits: the network's output is a logit in the metric's eyes.
    """

    name: str
    kind: LossKind
    parameter: float = 0.0
    from_logits: bool = False

    def __post_init__(self) -> None:
        self.spec(from_logits=False)

    def spec(self, from_logits: bool) -> LossSpec:
        """Return what a back end is to compute; from_logits where the last activation was folded into the loss."""
        return LossSpec(self.kind, from_logits or self.from_logits, self.parameter)

    def get_config(self) -> dict[str, Any]:
        """Return a JSON-able description, from which get_metric makes the metric again."""
        return {"name": self.name, "kind": self.kind, "parameter": self.parameter, "from_logits": self.from_logits}


class BinaryAccuracy(Metric):
    """Binary accuracy, the share of elements where (prediction > threshold) equals the target.

    Args:
        name: default "binary_accuracy".
        threshold: default 0.5.
    """

    def __init__(self, name: str = "binary_accuracy", threshold: float = 0.5) -> None:
        super().__init__(name, "binary_accuracy", in_range("threshold", threshold, 0.0, 1.0))


METRICS: Registry[Metric] = Registry(
    "metric", Metric, (BinaryAccuracy,), aliases={"accuracy": BinaryAccuracy, "acc": BinaryAccuracy}
)
"""The metrics by Keras' class names, and those of one's own that engine.register was given; every loss is one too."""


def metric_class(name: Any) -> tuple[Any, bool]:
    """Return the class that a metric's name means, and whether it is a loss, whose mean is then what is reported."""
    try:
        return METRICS.find(name), False
    except ValueError as error:
        try:
            return LOSSES.find(name), True
        except ValueError:
            raise ValueError(f"metrics: {error}; or the name of a loss: {', '.join(LOSSES)}") from None


def get_metric(metric: Any) -> Metric:
    """Return the Metric that an object, a name or a get_config result stands for.

    Names are binary_accuracy, also as accuracy or acc (which Keras takes so for an output of one channel), and those of
    all losses: mse, mae, huber, binary_crossentropy, ... The metric reports under the name that was given, as in Keras.
    """
    if isinstance(metric, Metric):
        return metric
    if isinstance(metric, dict):
        return Metric(**metric)
    if isinstance(metric, Loss):
        return metric_of(metric, metric.name)
    cls, is_loss = metric_class(metric)
    return metric_of(cls(), metric) if is_loss else cls(name=metric)


def metric_of(loss: Loss, name: str) -> Metric:
    """Make the metric that reports the mean of a loss under a name."""
    spec = loss.spec(from_logits=False)
    return Metric(name, spec.kind, spec.parameter, spec.from_logits)


def get_metrics(metrics: Any) -> tuple[Metric, ...]:
    """Return the metrics that compile was given; a name that comes twice is numbered, as in Keras."""
    if metrics is None:
        return ()
    if not isinstance(metrics, Sequence) or isinstance(metrics, str):
        raise ValueError(f"metrics: expected a list of metrics, got {metrics!r}")
    named: dict[str, Metric] = {}
    for metric in map(get_metric, metrics):
        name, number = metric.name, 0
        while name in named or name == "loss":
            number += 1
            name = f"{metric.name}_{number}"
        named[name] = Metric(name, metric.kind, metric.parameter, metric.from_logits)
    return tuple(named.values())


if not TYPE_CHECKING:  # for which a module with __getattr__ has every name
    __getattr__ = refuse_missing(globals())
