"""The layers that draw random numbers in training, at inference: nothing."""

from engine.layers import (
    AlphaDropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from export.layers.frame_layer import nodes_for
from export.layers.regularization.dropout import DropoutNodes

for _layer in (AlphaDropout, GaussianDropout, GaussianNoise, SpatialDropout1D, SpatialDropout2D, SpatialDropout3D):
    nodes_for(_layer)(DropoutNodes)
