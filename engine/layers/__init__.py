"""The layers, by Keras' names, and what a layer of one's own is made of."""

from engine.layers.batch_normalization import BatchNormalization
from engine.layers.bound_layer import BoundLayer
from engine.layers.conv3d import Conv3D
from engine.layers.conv_lstm2d import ConvLSTM2D
from engine.layers.dropout import Dropout
from engine.layers.layer import Layer
from engine.layers.own_layers import check_class
from engine.layers.weight import Weight, WeightSpec
from engine.registry import Registry

LAYERS: Registry[Layer] = Registry("layer", Layer, (ConvLSTM2D, BatchNormalization, Conv3D, Dropout), check=check_class)
"""The layers by Keras' names, and those of one's own that engine.register was given."""

__all__ = [
    "LAYERS",
    "BatchNormalization",
    "BoundLayer",
    "Conv3D",
    "ConvLSTM2D",
    "Dropout",
    "Layer",
    "Weight",
    "WeightSpec",
]
