"""What convolutions of frames and Dense share in a graph: one node with kernel and bias, and the activation."""

from typing import Any

from export.graph_builder import GraphBuilder
from export.layers.frame_layer import FrameLayer, Size, activation_node, convolution_weights
from kernels.arrays import HostArray


class ProductNodes(FrameLayer):
    """A Conv or a ConvTranspose of each frame.

    Args:
        layer: with bias and activation.
        channels, size: of a frame in.
        kernel: (kh,kw,C,K) as Keras has it; of a ConvTranspose (kh,kw,K,C).
        channels_out, size_out: of a frame out.
        operator: of ONNX.
        attributes: of the operator.
    """

    def __init__(
        self,
        layer: Any,
        channels: int,
        size: Size,
        kernel: HostArray,
        channels_out: int,
        size_out: Size,
        operator: str = "Conv",
        **attributes: Any,
    ) -> None:
        super().__init__(layer.name, channels, size)
        self.channels_out, self.size_out = channels_out, size_out
        self._activation, self._operator, self._attributes = layer.activation, operator, attributes
        self._kernel = convolution_weights(kernel)
        self._bias = None if layer.bias is None else layer.bias.to_host()

    def frame(self, graph: GraphBuilder, x: str) -> str:
        with graph.scope(self.name):
            weights = [graph.constant("kernel", self._kernel)]
            if self._bias is not None:
                weights.append(graph.constant("bias", self._bias))
            y = graph.node(self._operator, x, *weights, name="product", **self._attributes)
            return y if self._activation == "linear" else activation_node(graph, self._activation, y, "activation")


def framewise_size(layer: Any, channels: int, size: Size, frames: int = 1) -> Size:
    """A frame's size behind a layer whose window slides over frames; ValueError where it must be known and is not.

    frames: as many as the window sees at least.
    """
    height, width = size
    if isinstance(height, str) or isinstance(width, str):
        shape: tuple[int, ...] = layer.output_shape((frames, 97, 89, channels))
        if shape[1:3] == (97, 89):
            return size
        raise ValueError(
            f"layer {layer.name!r}: strides and padding='valid' change the size of frames: expected a network with "
            "height and width in its input_shape, exported without dynamic_size"
        )
    shape = layer.output_shape((frames, height, width, channels))
    return shape[1], shape[2]


def window_of(layer: Any) -> dict[str, Any]:
    """kernel_shape, strides and dilations of ONNX's Conv for a layer whose window slides over frames."""
    names = ("kernel_shape", "strides", "dilations")
    sizes = (layer.kernel_size, layer.strides, layer.dilation_rate)
    return {name: list(layer.triple(each)[1:]) for name, each in zip(names, sizes, strict=True)}


def convolution_attributes(layer: Any) -> dict[str, Any]:
    """window_of, and its padding; ONNX's pads stand before each axis, then after."""
    attributes = window_of(layer)
    reach = [(k - 1) * gap for k, gap in zip(attributes["kernel_shape"], attributes["dilations"], strict=True)]
    if layer.padding == "causal":
        return attributes | {"pads": [*reach, 0, 0]}
    if layer.padding == "same" and max(layer.strides) > 1:
        return attributes | {"auto_pad": "SAME_UPPER"}
    if layer.padding == "same":
        return attributes | {"pads": [*(n // 2 for n in reach), *((n + 1) // 2 for n in reach)]}
    return attributes


def on_frames(kernel: HostArray) -> HostArray:
    """A kernel over any axes, of which those in front of the last two are single, as one over rows and columns."""
    rows, columns = (1, 1, *kernel.shape[:-2])[-2:]
    return kernel.reshape(rows, columns, *kernel.shape[-2:])
