"""What compile was given, in Keras' files and here."""

import re
from typing import Any

from engine.losses import get_loss
from engine.optimizers import Adadelta
from engine.sequential import Sequential

Config = dict[str, Any]

_NEUTRAL_LOSS = {
    "from_logits": False,
    "label_smoothing": 0.0,
    "axis": -1,
    "reduction": ("sum_over_batch_size", "auto"),
}
_NEUTRAL_OPTIMIZER: dict[str, Any] = {
    "decay": 0.0,
    "weight_decay": (None, 0.0),
    "clipnorm": None,
    "clipvalue": None,
    "global_clipnorm": None,
    "use_ema": False,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": (None, 1),
}
_OPTIMIZER_ARGUMENTS = {"learning_rate": "learning_rate", "lr": "learning_rate", "rho": "rho", "epsilon": "epsilon"}


def compile_from(network: Sequential, config: Any) -> str | None:
    """Compile `network` as a file asks.

    Args:
        network: with all its layers.
        config: {"loss", "optimizer": {"class_name", "config"}, ...}, as Keras 3 writes it; None compiles nothing.

    Returns None, or what the engine does not offer, in words; the network is then left uncompiled. Metrics only report
    and are not read.
    """
    if not isinstance(config, dict) or config.get("loss") is None or config.get("optimizer") is None:
        return None
    try:
        if config.get("loss_weights") is not None:
            raise ValueError(f"loss_weights={config['loss_weights']!r}")
        network.compile(loss=_loss(config["loss"]), optimizer=_optimizer(config["optimizer"]))
    except ValueError as error:
        return str(error)
    return None


def compile_config(network: Sequential) -> Config | None:
    """The same in Keras 3's words; None if the network is not compiled."""
    if network.loss is None or network.optimizer is None:
        return None
    if not isinstance(network.optimizer, Adadelta):
        raise ValueError(f"optimizer: expected Adadelta in a Keras file, got {type(network.optimizer).__name__}")
    optimizer = network.optimizer
    numbers = {"learning_rate": optimizer.learning_rate, "rho": optimizer.rho, "epsilon": optimizer.epsilon}
    return {
        "optimizer": {
            "module": "keras.optimizers",
            "class_name": "Adadelta",
            "config": {"name": "adadelta", **numbers},
            "registered_name": None,
        },
        "loss": network.loss.name,
    }


def _loss(loss: Any) -> str:
    """A loss by name, class or class with arguments, as the engine's name."""
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
    _check_neutral(f"loss {loss}", config, _NEUTRAL_LOSS)
    return get_loss(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", loss).lower()).name


def _optimizer(optimizer: Any) -> Adadelta:
    if not isinstance(optimizer, dict):
        raise ValueError(f"optimizer: expected one with its arguments, got {optimizer!r}")
    name = str(optimizer.get("class_name"))
    if name.removeprefix("Custom>") != "Adadelta":  # the prefix is how tf.keras 2.11 and later write their own
        raise ValueError(f"optimizer: expected Adadelta, got {name}")
    config = optimizer.get("config") or {}
    _check_neutral("optimizer Adadelta", config, _NEUTRAL_OPTIMIZER)
    if not {"learning_rate", "lr"} & config.keys():
        raise ValueError("optimizer Adadelta: no learning_rate, whose default differs a thousandfold between Kerases")
    return Adadelta(**{ours: config[theirs] for theirs, ours in _OPTIMIZER_ARGUMENTS.items() if theirs in config})


def _check_neutral(label: str, config: Config, neutral: Config) -> None:
    for argument, allowed in neutral.items():
        if argument in config and config[argument] not in (allowed if isinstance(allowed, tuple) else (allowed,)):
            raise ValueError(f"{label}: {argument}={config[argument]!r}")
