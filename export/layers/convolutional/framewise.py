"""Conv1D and Conv2D, by channels and over all of them, as ONNX's own Conv, frame by frame."""

from typing import Any

from engine.layers import Conv1D, Conv2D, DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D
from export.graph_builder import GraphBuilder
from export.layers.frame_layer import Size, convolution_weights, nodes_for
from export.layers.product import ProductNodes, convolution_attributes, framewise_size, on_frames
from kernels.arrays import HostArray


@nodes_for(Conv1D)
@nodes_for(Conv2D)
class FramewiseConvolutionNodes(ProductNodes):
    """A convolution of each frame."""

    def __init__(self, layer: Any, channels: int, size: Size, rank: int) -> None:
        super().__init__(
            layer, channels, size, on_frames(layer.kernel.to_host()), layer.filters,
            framewise_size(layer, channels, size), group=layer.groups, **convolution_attributes(layer),
        )  # fmt: skip


@nodes_for(DepthwiseConv1D)
@nodes_for(DepthwiseConv2D)
class DepthwiseNodes(ProductNodes):
    """A convolution of each channel of each frame."""

    def __init__(self, layer: Any, channels: int, size: Size, rank: int) -> None:
        super().__init__(
            layer, channels, size, _depthwise_kernel(layer), channels * layer.depth_multiplier,
            framewise_size(layer, channels, size), group=channels, **convolution_attributes(layer),
        )  # fmt: skip


@nodes_for(SeparableConv1D)
@nodes_for(SeparableConv2D)
class SeparableNodes(ProductNodes):
    """A convolution of each channel of each frame, then one of one tap."""

    def __init__(self, layer: Any, channels: int, size: Size, rank: int) -> None:
        kernel = on_frames(layer.pointwise_kernel.to_host())
        size_out = framewise_size(layer, channels, size)
        super().__init__(layer, channels, size, kernel, layer.filters, size_out, kernel_shape=[1, 1])
        self._depthwise_kernel = convolution_weights(_depthwise_kernel(layer))
        self._window = convolution_attributes(layer)

    def frame(self, graph: GraphBuilder, x: str) -> str:
        with graph.scope(self.name):
            kernel = graph.constant("depthwise_kernel", self._depthwise_kernel)
            each = graph.node("Conv", x, kernel, name="depthwise", group=self.channels, **self._window)
        return super().frame(graph, each)


def _depthwise_kernel(layer: Any) -> HostArray:
    """(kh,kw,1,C * depth_multiplier), as a Conv of a group for each channel has it."""
    kernel = on_frames(layer.depthwise_kernel.to_host())
    return kernel.reshape(*kernel.shape[:2], 1, -1)
