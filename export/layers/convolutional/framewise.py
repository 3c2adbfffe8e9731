"""Conv1D and Conv2D as ONNX's own Conv, frame by frame."""

from typing import Any

from engine.layers import Conv1D, Conv2D
from export.graph_builder import GraphBuilder
from export.layers.frame_layer import FrameLayer, Size, activation_node, convolution_weights, nodes_for


@nodes_for(Conv1D)
@nodes_for(Conv2D)
class FramewiseConvolutionNodes(FrameLayer):
    """A convolution of each frame."""

    def __init__(self, layer: Any, channels: int, size: Size, rank: int) -> None:
        super().__init__(layer.name, channels, size)
        self.channels_out, self.size_out = layer.filters, _size_after(layer, size)
        self._attributes = _attributes(layer)
        self._activation = layer.activation
        kernel = layer.kernel.to_host()
        self._kernel = convolution_weights(kernel.reshape(*layer.triple(layer.kernel_size)[1:], *kernel.shape[-2:]))
        self._bias = None if layer.bias is None else layer.bias.to_host()

    def frame(self, graph: GraphBuilder, x: str) -> str:
        with graph.scope(self.name):
            weights = [graph.constant("kernel", self._kernel)]
            if self._bias is not None:
                weights.append(graph.constant("bias", self._bias))
            y = graph.node("Conv", x, *weights, name="convolution", **self._attributes)
            return y if self._activation == "linear" else activation_node(graph, self._activation, y, "activation")


def _size_after(layer: Any, size: Size) -> Size:
    """A frame's size behind the layer; ValueError where it must be known and is not."""
    if isinstance(size[0], str) or isinstance(size[1], str):
        if max(layer.strides) == 1 and (layer.padding != "valid" or max(layer.kernel_size) == 1):
            return size
        raise ValueError(
            f"layer {layer.name!r}: strides and padding='valid' change the size of frames: expected a network with "
            "height and width in its input_shape, exported without dynamic_size"
        )
    _, height, width = layer.spec((1, size[0], size[1], layer.groups), 1, training=False).output_size
    return height, width


def _attributes(layer: Any) -> dict[str, Any]:
    """The attributes of ONNX's Conv, whose pads stand before each axis, then after."""
    kernel, strides, gaps = (layer.triple(each)[1:] for each in (layer.kernel_size, layer.strides, layer.dilation_rate))
    attributes: dict[str, Any] = {"kernel_shape": list(kernel), "strides": list(strides), "dilations": list(gaps)}
    attributes["group"] = layer.groups
    reach = [(k - 1) * gap for k, gap in zip(kernel, gaps, strict=True)]
    if layer.padding == "causal":
        return attributes | {"pads": [*reach, 0, 0]}
    if layer.padding == "same" and max(strides) > 1:
        return attributes | {"auto_pad": "SAME_UPPER"}
    if layer.padding == "same":
        return attributes | {"pads": [*(n // 2 for n in reach), *((n + 1) // 2 for n in reach)]}
    return attributes
