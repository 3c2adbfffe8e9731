"""The layers with Keras 3's defaults."""

from engine import layers
from engine.keras3.as_keras3 import as_keras3
from engine.layers import *  # noqa: F403  # the names, for type checkers

__all__ = list(layers.__all__)

globals().update({name: as_keras3(cls) for name, cls in layers.LAYERS.items() if name in __all__})
