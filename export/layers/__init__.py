"""The layers as the exporter sees them, read from the layers of a network."""

from typing import Any

from export.layers.batch_normalization import BatchNormalization
from export.layers.conv3d import Conv3D
from export.layers.conv_lstm2d import GATE_ORDER, ConvLSTM2D
from export.layers.frame_layer import FrameLayer, Size, State
from export.layers.whole_conv3d import WholeConv3D

_KNOWN = ("ConvLSTM2D", "BatchNormalization", "Conv3D")


def read_layers(network: Any, channels: int, size: Size) -> list[FrameLayer]:
    """The layers of a built engine network for frames of that size with this many channels, weights included.

    Raises ValueError naming the layer and what of it no ONNX graph here can do.
    """
    layers: list[FrameLayer] = []
    shape = network.input_shape
    for layer in network.layers:
        layers.append(_read(layer, channels, size, len(shape) + 1))
        channels, size = layers[-1].channels_out, layers[-1].size_out
        shape = layer.output_shape(shape)
    return layers


def _read(layer: Any, channels: int, size: Size, rank: int) -> FrameLayer:
    kind = type(layer).__name__
    if kind not in _KNOWN:
        raise ValueError(f"network: expected layers of {', '.join(_KNOWN)}, got {layer.name!r} of class {kind}")
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise ValueError(f"layer {layer.name!r}: data_format: expected 'channels_last', got {layer.data_format!r}")
    if kind == "BatchNormalization":
        return BatchNormalization(layer, channels, size, rank)
    if kind == "ConvLSTM2D":
        return ConvLSTM2D(layer, channels, size)
    padded = layer.padding != "valid" or max(layer.kernel_size) == 1
    one_by_one = max(*layer.strides, *layer.dilation_rate, layer.groups) == 1 and padded
    odd = all(length % 2 == 1 for length in layer.kernel_size[1:])
    return Conv3D(layer, channels, size) if one_by_one and odd else WholeConv3D(layer, channels, size)


__all__ = ["GATE_ORDER", "Conv3D", "FrameLayer", "Size", "State", "WholeConv3D", "read_layers"]
