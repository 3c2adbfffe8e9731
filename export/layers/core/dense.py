"""Dense as a convolution of one tap."""

from typing import Any

from engine.layers import Dense
from export.layers.frame_layer import Size, nodes_for
from export.layers.product import ProductNodes, on_frames


@nodes_for(Dense)
class DenseNodes(ProductNodes):
    """A matrix product over the channels of each frame."""

    def __init__(self, layer: Any, channels: int, size: Size, rank: int) -> None:
        kernel = on_frames(layer.kernel.to_host())
        super().__init__(layer, channels, size, kernel, layer.units, size, kernel_shape=[1, 1])
