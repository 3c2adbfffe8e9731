"""The layers, by Keras' names."""

from engine.layers.batch_normalization import BatchNormalization
from engine.layers.conv3d import Conv3D
from engine.layers.conv_lstm2d import ConvLSTM2D
from engine.layers.layer import Layer
from engine.layers.weight import Weight

LAYERS: dict[str, type[Layer]] = {
    "ConvLSTM2D": ConvLSTM2D,
    "BatchNormalization": BatchNormalization,
    "Conv3D": Conv3D,
}

__all__ = ["LAYERS", "BatchNormalization", "Conv3D", "ConvLSTM2D", "Layer", "Weight"]
