"""The optimizers with Keras 3's defaults."""

from typing import Any

from engine import optimizers
from engine.keras3.as_keras3 import as_keras3
from engine.optimizers import SGD, Adadelta, Adam, AdamW, Nadam, Optimizer, RMSprop

__all__ = ["SGD", "Adadelta", "Adam", "AdamW", "Nadam", "Optimizer", "RMSprop", "get_optimizer"]

globals().update({name: as_keras3(cls) for name, cls in optimizers.OPTIMIZERS.items() if name in __all__})


def get_optimizer(optimizer: Any) -> Optimizer:
    """The optimizer that an object, a name or a configuration stands for; by name it has Keras 3's defaults."""
    if isinstance(optimizer, str):
        made: Optimizer = as_keras3(optimizers.OPTIMIZERS.find(optimizer))()
        return made
    return optimizers.get_optimizer(optimizer)
