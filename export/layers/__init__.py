"""The layers as the exporter sees them, read from the layers of a network."""

from typing import Any

from export.layers.batch_normalization import BatchNormalization
from export.layers.conv3d import Conv3D
from export.layers.conv_lstm2d import GATE_ORDER, ConvLSTM2D
from export.layers.frame_layer import FrameLayer, State

_BY_CLASS_NAME: dict[str, type[ConvLSTM2D] | type[BatchNormalization] | type[Conv3D]] = {
    "ConvLSTM2D": ConvLSTM2D,
    "BatchNormalization": BatchNormalization,
    "Conv3D": Conv3D,
}


def read_layers(network: Any, channels: int) -> list[FrameLayer]:
    """The layers of a built engine network for inputs with this many channels, weights included."""
    layers: list[FrameLayer] = []
    for layer in network.layers:
        kind = type(layer).__name__
        if kind not in _BY_CLASS_NAME:
            known = ", ".join(_BY_CLASS_NAME)
            raise ValueError(f"network: expected layers of {known}, got {layer.name!r} of class {kind}")
        layers.append(_BY_CLASS_NAME[kind](layer, channels))
        channels = layers[-1].channels_out
    return layers


__all__ = ["GATE_ORDER", "Conv3D", "FrameLayer", "State", "read_layers"]
