"""Layers that disturb training, so that networks do not learn by heart."""

from engine.layers.regularization.alpha_dropout import AlphaDropout
from engine.layers.regularization.dropout import Dropout
from engine.layers.regularization.gaussian import GaussianDropout, GaussianNoise
from engine.layers.regularization.spatial_dropout import SpatialDropout1D, SpatialDropout2D, SpatialDropout3D

__all__ = [
    "AlphaDropout",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
]
