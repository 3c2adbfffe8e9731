"""Metrics of compile, read from Keras' files and written into them. They only report: what Keras lacks is left out."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from engine.losses import LOSSES, Loss
from engine.metrics import METRICS, AutoAccuracy, Metric, get_metric, metric_of
from engine.registry import name_of
from kernels.losses import term_of

Config = dict[str, Any]

_OF_TERM = {
    "mean_squared_error": "MeanSquaredError",
    "mean_absolute_error": "MeanAbsoluteError",
    "mean_absolute_percentage_error": "MeanAbsolutePercentageError",
    "mean_squared_logarithmic_error": "MeanSquaredLogarithmicError",
    "log_cosh": "LogCoshError",
    "poisson": "Poisson",
    "kl_divergence": "KLDivergence",
    "binary_crossentropy": "BinaryCrossentropy",
    "categorical_crossentropy": "CategoricalCrossentropy",
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
    "binary_accuracy": "BinaryAccuracy",
    "categorical_accuracy": "CategoricalAccuracy",
    "sparse_categorical_accuracy": "SparseCategoricalAccuracy",
}
"""Keras' metric of the mean of a term."""

_LOSS_OF = {"LogCoshError": "LogCosh"}
"""The loss whose mean is a metric of Keras, where it has another name."""

_OF_OUR_OWN = {"CSI"}
"""Metrics of the engine that Keras has not."""

_IDLE = {"dtype", "fn", "reduction", "multi_label", "num_labels", "label_weights", "top_k", "class_id", "axis"}
"""Arguments of Keras that say nothing where they are defaults."""


def metrics_config(metrics: Sequence[Sequence[Metric]]) -> list[Any]:
    """Metrics of each output in Keras' words: of one output a list, of several a list of lists."""
    written = [[one for metric in of_output if (one := _written(metric)) is not None] for of_output in metrics]
    return written[0] if len(written) == 1 else written


def read_metrics(
    config: Any, losses: Sequence[Loss | None], outputs: Sequence[str]
) -> tuple[list[list[Metric]], list[str]]:
    """Read what a file says of metrics, for each output, and the names of those that there are not here.

    Args:
        config: as Keras has it: a list, of lists for several outputs, or a dict by output.
        losses: of the outputs, whose targets the metrics are to take.
        outputs: their names.
    """
    missing: list[str] = []
    if len(outputs) == 1:
        given = [list(_flat(config.get(outputs[0], config) if _by_name(config) else config))]
    elif _by_name(config):
        given = [list(_flat(config.get(name))) for name in outputs]
    else:
        parts = config if isinstance(config, list | tuple) and len(config) == len(outputs) else [None] * len(outputs)
        given = [list(_flat(part)) for part in parts]
    found: list[list[Metric]] = []
    for of_output, loss in zip(given, losses, strict=True):
        found.append([])
        for each in of_output:
            try:
                metric = _read(each)
            except (ValueError, TypeError, KeyError):
                metric = None
            if metric is not None and metric.fits(loss is not None and loss.classes):
                found[-1].append(metric)
            else:
                missing.append(str(each.get("class_name") if isinstance(each, dict) else each))
    return found, missing


def _by_name(config: Any) -> bool:
    return isinstance(config, Mapping) and "class_name" not in config


def _flat(config: Any) -> Any:
    if isinstance(config, list | tuple):
        for each in config:
            yield from _flat(each)
    elif config is not None:
        yield config


def _written(metric: Metric) -> Any:
    if isinstance(metric, AutoAccuracy):
        return metric.name if metric.name in {"accuracy", "acc"} else "accuracy"
    own = type(metric)
    if METRICS.nearest(own) == own.__name__ and own.__name__ not in _OF_OUR_OWN:
        return _object(own.__name__, metric.get_config()["config"])
    kind = _OF_TERM.get(metric.kind)
    if (own is not Metric and name_of(own) in METRICS) or kind is None:
        warnings.warn(
            f"metrics: Keras has no {metric.name}; the file says nothing of it, and .safetensors keeps it", stacklevel=6
        )
        return None
    config: Config = {"name": metric.name}
    parameter = term_of(metric.kind).parameter
    if parameter is not None:
        config[parameter] = metric.parameter
    if kind.endswith("Crossentropy"):
        config["from_logits"] = metric.from_logits
    return _object(kind, config)


def _object(class_name: str, config: Config) -> Config:
    return {"module": "keras.metrics", "class_name": class_name, "config": config, "registered_name": None}


def _read(given: Any) -> Metric:
    if isinstance(given, str):
        return get_metric(given)
    kind, config = given["class_name"], given.get("config") or {}
    if kind == "function":
        return get_metric(config)
    if kind == "MeanMetricWrapper":
        function = config["fn"]
        named = function if isinstance(function, str) else function["config"]
        return get_metric(named).renamed(config.get("name") or named)
    arguments = {key: value for key, value in config.items() if key not in _IDLE or value not in (None, False, -1)}
    arguments = {key: value for key, value in arguments.items() if key not in ("dtype", "fn", "reduction")}
    if kind in METRICS:
        made: Metric = METRICS[kind](**arguments)
        return made
    name = arguments.pop("name", None)
    loss = LOSSES[_LOSS_OF.get(kind, kind)](**arguments)
    return metric_of(loss, name or loss.name)
