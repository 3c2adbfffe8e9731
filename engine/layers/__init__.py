"""The layers, by Keras' names."""

from engine.layers.batch_normalization import BatchNormalization
from engine.layers.conv3d import Conv3D
from engine.layers.conv_lstm2d import ConvLSTM2D
from engine.layers.layer import Layer
from engine.layers.weight import Weight
from engine.registry import Registry

LAYERS: Registry[Layer] = Registry("layer", Layer, (ConvLSTM2D, BatchNormalization, Conv3D))
"""The layers by Keras' names, and those of one's own that engine.register was given."""

__all__ = ["LAYERS", "BatchNormalization", "Conv3D", "ConvLSTM2D", "Layer", "Weight"]
