"""Compile arguments, read from Keras' files and written into them."""

import re
import warnings
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from engine.files.keras.metrics import metrics_config
from engine.graph.description import Description
from engine.losses import LOSSES, FunctionLoss, Loss, get_loss
from engine.optimizers import OPTIMIZERS, AdamW, Nadam, RMSprop
from engine.optimizers.base import COMMON, Optimizer
from engine.registry import Registry, given_function
from engine.schedules import InverseTimeDecay
from engine.support.keras3_differences import DEFAULTS

Config = dict[str, Any]

_NEUTRAL_LOSS: dict[str, Any] = {
    "name": None,
    "fn": None,
    "dtype": None,
    "axis": -1,
    "reduction": ("sum_over_batch_size", "auto"),
}
_NEUTRAL_OPTIMIZER: dict[str, Any] = {
    "name": None,
    "is_legacy_optimizer": None,
    "jit_compile": None,
    "ema_momentum": None,
    "ema_overwrite_frequency": None,
    "decay": 0.0,
    "use_ema": False,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": (None, 1),
}
"""Arguments that the engine's optimizers have not, and what they must be; None for those that do nothing alone."""


def read_compile_config(config: Any, outputs: Sequence[str]) -> tuple[Any, Any, Optimizer] | None:
    """Read what a file says of training, but for metrics; None where it says nothing.

    Args:
        config: {"loss", "optimizer": {"class_name", "config"}, ...}, as Keras 3 writes it.
        outputs: the names of the network's outputs.

    Returns the loss, or a list of one for each output; loss_weights, or None; the optimizer. Raises ValueError: what of
    it the engine does not offer.
    """
    if not isinstance(config, dict) or config.get("loss") is None or config.get("optimizer") is None:
        return None
    losses, weights = config["loss"], config.get("loss_weights")
    if len(outputs) > 1 and isinstance(losses, dict) and "class_name" not in losses:
        losses = [losses.get(name) for name in outputs]
    if len(outputs) > 1 and isinstance(losses, list):
        return [None if each is None else _loss(each) for each in losses], weights, _optimizer(config["optimizer"])
    if isinstance(losses, dict) and losses.keys() == set(outputs):
        losses = losses[outputs[0]]
    return _loss(losses), weights, _optimizer(config["optimizer"])


def compile_config(network: Description) -> Config | None:
    """What compile was given, in Keras 3's words; None if the network is not compiled.

    A loss or an optimizer of one's own stands there as the class of Keras that it is derived from, with a warning, so
    that Keras can open the file. Raises ValueError: it is derived from none.
    """
    if network.loss is None or network.optimizer is None:
        return None
    kind = keras_class(OPTIMIZERS, network.optimizer)
    taken = OPTIMIZERS[kind]().get_config().keys() | set(COMMON)
    config = {key: value for key, value in network.optimizer.get_config().items() if key in taken}
    del config["class_name"]
    if isinstance(config["learning_rate"], dict):
        config["learning_rate"] = _object("keras.optimizers.schedules", **config["learning_rate"])
    several = isinstance(network.loss, list)
    losses = [None if loss is None else _loss_config(loss) for loss in (network.loss if several else [network.loss])]
    weights = {} if network.loss_weights is None else {"loss_weights": network.loss_weights}
    optimizer = _object("keras.optimizers", kind, config)
    metrics = {"metrics": metrics_config(network.metrics)} if any(network.metrics) else {}
    return {"optimizer": optimizer, "loss": losses if several else losses[0], **weights, **metrics}


def is_late(optimizer: Optimizer) -> bool:
    """Whether only tf.keras 2.11 and later have such an optimizer, not the Keras 2 before.

    Nadam before had another schedule of momentum, 0.96^(0.004 t) for 0.96^t, and RMSprop without momentum its epsilon
    outside of the root.
    """
    return isinstance(optimizer, AdamW | Nadam | RMSprop) or optimizer.weight_decay is not None


def _object(module: str, class_name: str, config: Config) -> Config:
    return {"module": module, "class_name": class_name, "config": config, "registered_name": None}


def _loss(loss: Any) -> Loss:
    """Make a loss from its name, class or class with arguments."""
    while isinstance(loss, list) and len(loss) == 1:
        loss = loss[0]
    config: Config = {}
    if isinstance(loss, dict):
        if loss.get("class_name") == "function" and isinstance(loss.get("config"), str):
            loss = loss["config"]
        else:
            config, loss = loss.get("config") or {}, loss.get("class_name")
    if not isinstance(loss, str):
        raise ValueError(f"loss={loss!r}")
    if given_function(loss) is not None:
        return get_loss(loss)
    found = get_loss(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", loss).lower())
    arguments = {field.name: config[field.name] for field in fields(found) if field.name in config}
    _check_neutral(f"loss {loss}", config, arguments, _NEUTRAL_LOSS)
    return type(found)(**arguments)


def _loss_config(loss: Loss) -> Any:
    if isinstance(loss, FunctionLoss):
        return {"module": "builtins", "class_name": "function", "config": loss.name, "registered_name": "function"}
    base = LOSSES[keras_class(LOSSES, loss)]
    config = base(**{field.name: getattr(loss, field.name) for field in fields(base)}).get_config()
    return config if isinstance(config, str) else _object("keras.losses", **config)


def keras_class(registry: Registry[Any], value: Any) -> str:
    """Keras' class for a loss or an optimizer. Raises ValueError: it is of no such class, nor derived from one."""
    own, kind = type(value).__name__, registry.nearest(type(value))
    if kind is None:
        raise ValueError(
            f"{registry.what}: Keras has no {own}, nor a class that it is derived from; save .safetensors, which keeps "
            f"it, or compile with another {registry.what} before"
        )
    if type(value) is not registry[kind]:
        warnings.warn(
            f"{registry.what}: Keras has no {own}; the file says {kind}, which it is derived from, and is opened with "
            "that, here too; .safetensors keeps it",
            stacklevel=6,
        )
    return kind


def _optimizer(optimizer: Any) -> Optimizer:
    if isinstance(optimizer, str):  # compile was given a name, and Keras has not trained since
        kind = OPTIMIZERS.find(optimizer)
        of_keras3: Optimizer = kind(**DEFAULTS.get(kind.__name__, {}))
        return of_keras3
    if not isinstance(optimizer, dict):
        raise ValueError(f"optimizer: expected one with its arguments, got {optimizer!r}")
    name = str(optimizer.get("class_name")).removeprefix("Custom>")  # how tf.keras 2.11 and later write their own
    if name not in OPTIMIZERS:
        raise ValueError(f"optimizer: expected one of {', '.join(OPTIMIZERS)}, got {name}")
    config = dict(optimizer.get("config") or {})
    if "lr" in config:
        config["learning_rate"] = config.pop("lr")
    if "learning_rate" not in config:
        raise ValueError(f"optimizer {name}: no learning_rate, whose default differs between Kerases")
    if config.get("decay") and issubclass(OPTIMIZERS[name], Nadam):
        raise ValueError(f"optimizer {name}: decay={config['decay']!r}, the momentum of Nadam before tf.keras 2.11")
    if config.get("decay") and not isinstance(config["learning_rate"], dict):
        config["learning_rate"] = InverseTimeDecay(config["learning_rate"], 1, config.pop("decay"))
    taken = OPTIMIZERS[name]().get_config().keys() | set(COMMON)
    arguments = {key: value for key, value in config.items() if key in taken}
    _check_neutral(f"optimizer {name}", config, arguments, _NEUTRAL_OPTIMIZER)
    try:
        return OPTIMIZERS[name](**arguments)
    except ValueError as error:
        raise ValueError(f"optimizer {name}: {error}") from None


def _check_neutral(label: str, config: Config, taken: Config, neutral: Config) -> None:
    """Refuse arguments that are not taken up and are not such that they do nothing."""
    for argument in config.keys() - taken.keys():
        allowed = neutral.get(argument, ())
        if allowed is not None and config[argument] not in (allowed if isinstance(allowed, tuple) else (allowed,)):
            raise ValueError(f"{label}: {argument}={config[argument]!r}")
