"""A ConvLSTM engine from scratch: the network, how it learns, and the movies it learns from.

The names are Keras': `from engine import Sequential, ConvLSTM2D, BatchNormalization, Conv3D`.
"""

from typing import TYPE_CHECKING

from engine import (
    activations,
    callbacks,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    regularizers,
    schedules,
)
from engine.callbacks import History
from engine.fitting.events import EpochDone, StepDone
from engine.fitting.loop import FitLoop, NonFiniteLossError
from engine.layers import *  # noqa: F403  # so that a new layer needs no line here
from engine.layers.activation import *  # noqa: F403
from engine.layers.convolutional import *  # noqa: F403  # again, for type checkers, which see one star far
from engine.layers.core import *  # noqa: F403
from engine.layers.merging import *  # noqa: F403
from engine.layers.normalization import *  # noqa: F403
from engine.layers.pooling import *  # noqa: F403
from engine.layers.recurrent import *  # noqa: F403
from engine.layers.regularization import *  # noqa: F403
from engine.layers.reshaping import *  # noqa: F403
from engine.models.functional import Model
from engine.models.loading import load_model, model_from_json
from engine.models.picture import plot_model
from engine.models.sequential import Sequential
from engine.movies import generate_movies
from engine.optimizers import SGD, Adadelta, Adam, AdamW, Nadam, RMSprop
from engine.registry import register
from engine.support.missing_names import refuse_missing
from engine.version import __version__

__all__ = [
    "SGD",
    "Adadelta",
    "Adam",
    "AdamW",
    "EpochDone",
    "FitLoop",
    "History",
    "Model",
    "Nadam",
    "NonFiniteLossError",
    "RMSprop",
    "Sequential",
    "StepDone",
    "__version__",
    "activations",
    "callbacks",
    "constraints",
    "generate_movies",
    "initializers",
    "load_model",
    "losses",
    "metrics",
    "model_from_json",
    "optimizers",
    "plot_model",
    "register",
    "regularizers",
    "schedules",
]
__all__ += layers.__all__

if not TYPE_CHECKING:  # for which a module with __getattr__ has every name
    __getattr__ = refuse_missing(globals(), modules=["keras3"])
