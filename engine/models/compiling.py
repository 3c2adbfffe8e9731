"""What compile was given, for each output of a network; and back, for files."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from engine.graph.checks import spread
from engine.graph.graph import Graph
from engine.losses import Loss, get_loss
from engine.metrics import Metric, get_metrics
from engine.runtime.objective import Objective
from engine.support.validation import in_range

_MOST = 1e30


def make_objective(graph: Graph, loss: Any, loss_weights: Any, metrics: Any) -> Objective:
    """The objective that compile's arguments mean.

    Args:
        loss: one for all outputs, or a list or dict by output; None there asks nothing of it.
        loss_weights: a list or dict by output; None is 1 for each.
        metrics: a list of metrics where there is one output; a list or dict by output of metrics or lists of them.

    Raises ValueError: what does not fit the outputs.
    """
    names = graph.output_names
    several = len(names) > 1
    losses: list[Loss | None]
    if several and (_by_output(loss) or isinstance(loss, list | tuple)):
        given = spread("loss", _completed(loss, names), names, "output")
        losses = [None if each is None else get_loss(each) for each in given]
        if not any(losses):
            raise ValueError("loss: expected one for at least one output, got None for all")
    else:
        one = spread("loss", loss, names, "output")[0] if _by_output(loss) else loss
        if isinstance(one, list | tuple) and len(one) == 1:
            one = one[0]
        losses = [get_loss(one) for _ in names]
    weights = [1.0] * len(names) if loss_weights is None else spread("loss_weights", loss_weights, names, "output")
    if not several and isinstance(weights[0], list | tuple) and len(weights[0]) == 1:
        weights = list(weights[0])
    checked = [in_range("loss_weights", weight, 0.0, _MOST) for weight in weights]
    makers = {value: call.layer for call in graph.calls for value in call.outputs}
    for one_loss, value in zip(losses, graph.outputs, strict=True):
        if one_loss is not None and value in makers:
            _warn_of_two_sigmoids(one_loss, makers[value].activation_name)
    measured = _metrics(metrics, names)
    for one_loss, of_output in zip(losses, measured, strict=True):
        _check_metrics(one_loss, of_output)
    return Objective(tuple(losses), tuple(measured), tuple(checked), tuple(names))


def _check_metrics(loss: Loss | None, metrics: Sequence[Metric]) -> None:
    """Refuse metrics that take other targets than the loss."""
    classes = loss is not None and loss.classes
    for metric in metrics:
        if not metric.fits(classes):
            wanted = "numbers of classes" if classes else "targets like the output"
            raise ValueError(
                f"metrics: {metric.name} does not take {wanted}, as the loss does; metrics='accuracy' is what fits"
            )


def _by_output(value: Any) -> bool:
    """Whether a dict says something for each output, in place of being a loss's configuration."""
    return isinstance(value, Mapping) and "class_name" not in value


def _metrics(metrics: Any, names: Sequence[str]) -> list[tuple[Metric, ...]]:
    if len(names) == 1:
        given = [spread("metrics", metrics, names, "output")[0] if isinstance(metrics, Mapping) else metrics]
    elif metrics is None:
        given = [None] * len(names)
    else:
        given = spread("metrics", _completed(metrics, names), names, "output")
    return [get_metrics(each if each is None or isinstance(each, list | tuple) else [each]) for each in given]


def _completed(value: Any, names: Sequence[str]) -> Any:
    """A dict with None for each output that it leaves out."""
    return {**dict.fromkeys(names), **value} if isinstance(value, Mapping) else value


def config_of(objective: Objective) -> dict[str, Any]:
    """What make_objective makes the same objective of, JSON-able; only what is not a default."""
    losses = [None if loss is None else loss.get_config() for loss in objective.losses]
    metrics = [[metric.get_config() for metric in of_output] for of_output in objective.metrics]
    single = objective.is_single
    config: dict[str, Any] = {"loss": losses[0] if single else losses}
    if any(weight != 1.0 for weight in objective.loss_weights):
        config["loss_weights"] = list(objective.loss_weights)
    if any(metrics):
        config["metrics"] = metrics[0] if single else metrics
    return config


def _warn_of_two_sigmoids(loss: Loss, activation: str) -> None:
    """Warn that from_logits=True after a last layer with a sigmoid or softmax applies it once, not twice."""
    if getattr(loss, "from_logits", False) and loss.folds_in(activation):
        warnings.warn(
            f"loss: from_logits=True after a last layer with activation='{activation}'; one {activation} is applied, "
            "not two, as in Keras on TensorFlow",
            stacklevel=4,
        )
