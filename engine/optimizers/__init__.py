"""Optimizers, which move weights along gradients, under Keras' names: Adadelta, SGD, Adam, AdamW, Nadam, RMSprop."""

import inspect
from typing import TYPE_CHECKING, Any

from engine.optimizers.adadelta import Adadelta
from engine.optimizers.adam import Adam, AdamW
from engine.optimizers.base import Optimizer
from engine.optimizers.nadam import Nadam
from engine.optimizers.rmsprop import RMSprop
from engine.optimizers.sgd import SGD
from engine.registry import Registry
from engine.support.missing_names import refuse_missing
from engine.support.validation import one_of

__all__ = ["OPTIMIZERS", "SGD", "Adadelta", "Adam", "AdamW", "Nadam", "Optimizer", "RMSprop", "get_optimizer"]


def _check(cls: type[Optimizer]) -> None:
    if inspect.isabstract(cls):
        raise ValueError(f"cls: {cls.__name__} does not define {', '.join(sorted(cls.__abstractmethods__))}")


OPTIMIZERS: Registry[Optimizer] = Registry(
    "optimizer", Optimizer, (Adadelta, SGD, Adam, AdamW, Nadam, RMSprop), _check, spelling=str.lower
)
"""The optimizers by Keras' names, and those of one's own that engine.register was given."""


def get_optimizer(optimizer: Any) -> Optimizer:
    """Return the Optimizer that an object, a Keras name or a get_config result stands for."""
    if isinstance(optimizer, Optimizer):
        return optimizer
    if isinstance(optimizer, dict):
        arguments = dict(optimizer)
        name = one_of("optimizer", arguments.pop("class_name", None), OPTIMIZERS)
        return OPTIMIZERS[name](**arguments)
    made: Optimizer = OPTIMIZERS.find(optimizer)()
    return made


if not TYPE_CHECKING:  # for which a module with __getattr__ has every name
    __getattr__ = refuse_missing(globals())
