"""The engine with Keras 3's defaults: `from engine.keras3 import Sequential, ConvLSTM2D`, or `keras = engine.keras3`.

engine itself has the defaults of Keras 2.3, which the same words meant before. The classes are the engine's: layers
that are made here are engine's layers, and files, exporters and networks know no difference. What differs stands in
one table, engine/support/keras3_differences.py.
"""

from engine import activations, callbacks, constraints, initializers, losses, metrics, regularizers, schedules
from engine.keras3 import layers, models, optimizers
from engine.keras3.layers import *  # noqa: F403
from engine.keras3.models import Model, Sequential, load_model
from engine.keras3.optimizers import SGD, Adadelta, Adam, AdamW, Nadam, RMSprop

__all__ = [
    "SGD",
    "Adadelta",
    "Adam",
    "AdamW",
    "Model",
    "Nadam",
    "RMSprop",
    "Sequential",
    "activations",
    "callbacks",
    "constraints",
    "initializers",
    "layers",
    "load_model",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "regularizers",
    "schedules",
]
__all__ += layers.__all__
