"""Conv3D with strides, dilation, groups, an even kernel or padding='valid': ONNX's own Conv over whole movies.

It has no fast path in onnxruntime, and no graph that runs frame by frame; conv3d.py is for the rest.
"""

from typing import Any

from export.graph_builder import GraphBuilder
from export.layers.frame_layer import FrameLayer, Size, activation_node, size_after


class WholeMovieNodes(FrameLayer):
    """A convolution over all frames at once.

    Args:
        layer: with kernel, bias and activation.
        channels, size: of a frame in.
        size_out: of a frame out.
        operator, attributes: of ONNX.
    """

    looks_ahead = needs_movies = True

    def __init__(
        self, layer: Any, channels: int, size: Size, size_out: Size, operator: str, attributes: dict[str, Any]
    ) -> None:
        super().__init__(layer.name, channels, size)
        self.channels_out, self.size_out = layer.filters, size_out
        self._kernel = layer.kernel.to_host()
        self._bias = None if layer.bias is None else layer.bias.to_host()
        self._activation, self._operator, self._attributes = layer.activation, operator, attributes

    def frame(self, graph: GraphBuilder, x: str) -> str:
        raise ValueError(
            f"layer {self.name!r}: strides, dilation, groups, even kernels, padding='valid' and transposed "
            "convolutions over time need whole movies: expected graph='sequence'"
        )

    def over_movies(self, graph: GraphBuilder, x: str) -> str:
        with graph.scope(self.name):
            movies = graph.node("Transpose", x, name="movies_first", perm=[1, 2, 0, 3, 4])
            weights = [graph.constant("kernel", self._kernel.transpose(4, 3, 0, 1, 2))]
            if self._bias is not None:
                weights.append(graph.constant("bias", self._bias))
            y = graph.node(self._operator, movies, *weights, name="convolution", **self._attributes)
            y = activation_node(graph, self._activation, y, "activation")
            return graph.node("Transpose", y, name="time_first", perm=[2, 0, 1, 3, 4])


class WholeConv3DNodes(WholeMovieNodes):
    """A Conv3D over all frames at once."""

    def __init__(self, layer: Any, channels: int, size: Size) -> None:
        super().__init__(layer, channels, size, size_after(layer, size), "Conv", _attributes(layer, size))


def _attributes(layer: Any, size: Size) -> dict[str, Any]:
    """Return the attributes of ONNX's Conv."""
    attributes: dict[str, Any] = {
        "kernel_shape": list(layer.kernel_size),
        "strides": list(layer.strides),
        "dilations": list(layer.dilation_rate),
        "group": layer.groups,
    }
    if layer.padding == "valid":
        return attributes
    if layer.padding == "same" and max(layer.strides) > 1:
        return attributes | {"auto_pad": "SAME_UPPER"}
    if max(layer.strides[1:]) > 1:
        raise ValueError(
            f"layer {layer.name!r}: padding='causal' with strides over rows and columns is not offered in ONNX: "
            "expected strides of 1 there, or padding='same'"
        )
    extents = [(k - 1) * gap + 1 for k, gap in zip(layer.kernel_size, layer.dilation_rate, strict=True)]
    before, after = [(extent - 1) // 2 for extent in extents], [extent // 2 for extent in extents]
    if layer.padding == "causal":
        before[0], after[0] = extents[0] - 1, 0
    return attributes | {"pads": [*before, *after]}
