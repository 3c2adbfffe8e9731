"""ConvLSTM2D, one frame: a convolution over the frame and h together, then the gates.

    z       = conv([x, h_past], [kernel, recurrent_kernel]) + bias      blocks i, f, g, o of F channels
    i, f, o = sigma(z_i), sigma(z_f), sigma(z_o)
    c       = f * c_past + i * tanh(z_g)
    h       = o * tanh(c)

Any other activation stands in the places of sigma and tanh just as well. With strides, dilation, 'valid' or an even
kernel the frame has a convolution of its own and h another, and z is their sum.

onnxruntime's fast convolution on AVX-512 makes 64 output channels at a time and gives each thread the same number of
such sets; a last, smaller set leaves one thread idle. So 4 F channels are made by two nodes where 64 does not divide
them: whole sets by the first, the rest, the last channels of z_o, by the second.
"""

from typing import Any

import numpy as np

from engine.layers import ConvLSTM2D
from export.graph_builder import GraphBuilder
from export.layers.frame_layer import (
    FrameLayer,
    Size,
    State,
    activation_node,
    channel_padding,
    convolution_weights,
    nodes_for,
    same_padding,
    size_after,
)
from kernels.arrays import HostArray

GATE_ORDER = "i, f, g, o"

_CHANNELS_OF_A_SET = 64


@nodes_for(ConvLSTM2D)
class ConvLSTM2DNodes(FrameLayer):
    """The recurrence; states h and c (N,F,H',W')."""

    def __init__(self, layer: Any, channels: int, size: Size, rank: int) -> None:
        super().__init__(layer.name, channels, size)
        self.channels_out, self.size_out = layer.filters, size_after(layer, size)
        self.backwards, self.turned, self.stateful = layer.go_backwards, layer.turned, layer.stateful
        self._kernel_size = layer.of_rows_and_columns(layer.kernel_size)
        self._activation, self._recurrent_activation = layer.activation, layer.recurrent_activation
        kernel, recurrent_kernel = layer.taps(layer.kernel.to_host()), layer.taps(layer.recurrent_kernel.to_host())
        self._bias: HostArray = np.zeros(4 * layer.filters) if layer.bias is None else layer.bias.to_host()
        self._apart: dict[str, Any] | None = None
        if not _is_one_convolution(layer):
            self._apart = _attributes(layer)
            self._of_x, self._of_h, self._unused_channels = kernel, recurrent_kernel, 0
            return
        self._unused_channels = _channels_to_add(channels + layer.filters)
        unused = np.zeros((*self._kernel_size, self._unused_channels, 4 * layer.filters))
        self._kernel = np.concatenate([kernel, unused, recurrent_kernel], axis=2)

    @property
    def states(self) -> list[State]:
        return [State(self.name, name, self.channels_out, self.size_out) for name in ConvLSTM2D.state_names]

    def frame(self, graph: GraphBuilder, x: str) -> str:
        h, c = self.states
        with graph.scope(self.name):
            if self._unused_channels:
                pads = graph.constant("unused_channels", channel_padding(self._unused_channels))
                x = graph.node(
                    "Pad", x, pads, name="x_padded",
                    doc="onnxruntime's fast convolution takes channels in fours; the weights of these are zero",
                )  # fmt: skip
            if self._apart is None:
                x_and_h = graph.node("Concat", x, h.past, name="x_and_h", axis=1)
                z_i, z_f, z_g, z_o = self._gates(graph, x_and_h)
            else:
                z_i, z_f, z_g, z_o = self._gates_apart(graph, x, h.past, self._apart)
            gates = ((z_i, "i"), (z_f, "f"), (z_o, "o"))
            i, f, o = (activation_node(graph, self._recurrent_activation, z, gate) for z, gate in gates)
            g = activation_node(graph, self._activation, z_g, "g", doc="the candidate")
            kept = graph.node("Mul", f, c.past, name="kept")
            added = graph.node("Mul", i, g, name="added")
            graph.node("Add", kept, added, name="c", output=c.present)
            activated = activation_node(graph, self._activation, c.present, f"{self._activation}_c")
            return graph.node("Mul", o, activated, name="h", output=h.present)

    def _gates_apart(self, graph: GraphBuilder, x: str, h: str, attributes: dict[str, Any]) -> list[str]:
        """z_i, z_f, z_g, z_o (N,F,H',W') of two convolutions."""
        of_x = graph.node(
            "Conv", x, graph.constant("kernel", convolution_weights(self._of_x)), graph.constant("bias", self._bias),
            name="z_of_x", **attributes,
        )  # fmt: skip
        of_h = graph.node(
            "Conv", h, graph.constant("recurrent_kernel", convolution_weights(self._of_h)), name="z_of_h",
            kernel_shape=list(self._kernel_size), pads=same_padding(*self._kernel_size),
        )  # fmt: skip
        z = graph.node("Add", of_x, of_h, name="z")
        return graph.split(z, 1, [(f"z_{gate}", self.channels_out) for gate in "ifgo"], "gates")

    def _gates(self, graph: GraphBuilder, x_and_h: str) -> list[str]:
        """z_i, z_f, z_g, z_o (N,F,H,W)."""
        filters = self.channels_out
        rest = _channels_of_rest(filters)
        z = self._convolution(graph, x_and_h, 0, 4 * filters - rest, "z")
        if not rest:
            return graph.split(z, 1, [(f"z_{gate}", filters) for gate in "ifgo"], "gates")
        sizes = [*((f"z_{gate}", filters) for gate in "ifg"), ("z_o_first", filters - rest)]
        *z_ifg, z_o_first = graph.split(z, 1, sizes, "gates")
        z_o_rest = self._convolution(graph, x_and_h, 4 * filters - rest, 4 * filters, "z_o_rest")
        return [*z_ifg, graph.node("Concat", z_o_first, z_o_rest, name="z_o", axis=1)]

    def _convolution(self, graph: GraphBuilder, x: str, first: int, end: int, name: str) -> str:
        """The channels of z from `first` up to `end`."""
        kh, kw = self._kernel_size
        return graph.node(
            "Conv", x, graph.constant(f"{name}_kernel", convolution_weights(self._kernel[..., first:end])),
            graph.constant(f"{name}_bias", self._bias[first:end]), name=name,
            doc=f"channels {first} to {end - 1} of 4 gates x {self.channels_out}: {GATE_ORDER}",
            kernel_shape=[kh, kw], pads=same_padding(kh, kw),
        )  # fmt: skip


def _is_one_convolution(layer: Any) -> bool:
    """Whether the frame and h can go through one convolution together."""
    plain = max((1, *layer.strides, *layer.dilation_rate)) == 1 and all(size % 2 == 1 for size in layer.kernel_size)
    return plain and (layer.padding == "same" or max(layer.kernel_size, default=1) == 1)


def _attributes(layer: Any) -> dict[str, Any]:
    """Return the attributes of the Conv of the frame."""
    pair = layer.of_rows_and_columns
    kernel, strides, dilation = pair(layer.kernel_size), pair(layer.strides), pair(layer.dilation_rate)
    attributes: dict[str, Any] = {
        "kernel_shape": list(kernel),
        "strides": list(strides),
        "dilations": list(dilation),
    }
    if layer.padding == "valid":
        return attributes
    if max(strides) > 1:
        return attributes | {"auto_pad": "SAME_UPPER"}
    extents = [(k - 1) * gap + 1 for k, gap in zip(kernel, dilation, strict=True)]
    return attributes | {"pads": same_padding(*extents)}


def _channels_of_rest(filters: int) -> int:
    """How many channels a second convolution makes; 0 where one does, or where the cut would not fall into z_o."""
    rest = 4 * filters % _CHANNELS_OF_A_SET
    return rest if rest < filters else 0


def _channels_to_add(channels: int) -> int:
    """How many zero channels the input needs to be a multiple of four; a few channels are fast as they are."""
    return -channels % 4 if channels >= 8 else 0
