"""Metrics, reported by training and evaluation beside the loss, under Keras' names.

Each is measured on the device from the very output that the loss is computed from, in training before the update. Means
are weighted by the batches' numbers of movies, counts are added, and sample weights touch neither, all as in Keras.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.losses import LOSSES, Loss
from engine.metrics.accuracy import AutoAccuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy
from engine.metrics.base import Metric
from engine.metrics.counts import AUC, CSI, CountingMetric, Precision, Recall
from engine.metrics.means import CosineSimilarity, MeanAbsoluteError, MeanSquaredError, RootMeanSquaredError
from engine.registry import Registry
from engine.support.missing_names import refuse_missing
from engine.support.validation import one_of

__all__ = [
    "AUC",
    "CSI",
    "METRICS",
    "AutoAccuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "CosineSimilarity",
    "CountingMetric",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Metric",
    "Precision",
    "Recall",
    "RootMeanSquaredError",
    "SparseCategoricalAccuracy",
    "get_metric",
    "get_metrics",
    "metric_class",
    "metric_of",
]

METRICS: Registry[Metric] = Registry(
    "metric",
    Metric,
    (
        BinaryAccuracy,
        CategoricalAccuracy,
        SparseCategoricalAccuracy,
        AutoAccuracy,
        RootMeanSquaredError,
        CosineSimilarity,
        AUC,
        Precision,
        Recall,
        CSI,
    ),
    aliases={"accuracy": AutoAccuracy, "acc": AutoAccuracy},
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

    Names are those of the classes (accuracy or acc is the one that fits the output), and those of all losses: mse, mae,
    huber, binary_crossentropy, ... The metric reports under the name that was given, as in Keras.
    """
    if isinstance(metric, Metric):
        return metric
    if isinstance(metric, dict) and "class_name" in metric:
        return METRICS[one_of("metric", metric["class_name"], METRICS)](**(metric.get("config") or {}))
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
    if isinstance(metrics, str | dict | Metric | Loss):
        metrics = [metrics]
    if not isinstance(metrics, Sequence):
        raise ValueError(f"metrics: expected a list of metrics, got {metrics!r}")
    named: dict[str, Metric] = {}
    for metric in map(get_metric, metrics):
        name, number = metric.name, 0
        while name in named or name == "loss":
            number += 1
            name = f"{metric.name}_{number}"
        named[name] = metric if name == metric.name else metric.renamed(name)
    return tuple(named.values())


if not TYPE_CHECKING:  # for which a module with __getattr__ has every name
    __getattr__ = refuse_missing(globals())
