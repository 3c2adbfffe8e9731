"""ConvLSTM2D, one frame: a convolution over the frame and h together, then the gates.

    z       = conv([x, h_past], [kernel, recurrent_kernel]) + bias      blocks i, f, g, o of F channels
    i, f, o = sigma(z_i), sigma(z_f), sigma(z_o)
    c       = f * c_past + i * tanh(z_g)
    h       = o * tanh(c)

onnxruntime's fast convolution on AVX-512 makes 64 output channels at a time and gives each thread the same number of
such sets; a last, smaller set leaves one thread idle. So 4 F channels are made by two nodes where 64 does not divide
them: whole sets by the first, the rest, the last channels of z_o, by the second.
"""

from typing import Any

import numpy as np

from export.graph_builder import GraphBuilder
from export.layers.frame_layer import FrameLayer, State, channel_padding, convolution_weights, same_padding
from kernels.specs import HARD_SIGMOID_SLOPE

GATE_ORDER = "i, f, g, o"

_CHANNELS_OF_A_SET = 64


class ConvLSTM2D(FrameLayer):
    """The recurrence; states h and c (N,F,H,W)."""

    def __init__(self, layer: Any, channels: int) -> None:
        super().__init__(layer.name, channels)
        self.channels_out = layer.filters
        self._kernel_size = tuple(layer.kernel_size)
        self._recurrent_activation = layer.recurrent_activation
        kernel, recurrent_kernel, self._bias = layer.get_weights()
        self._unused_channels = _channels_to_add(channels + layer.filters)
        unused = np.zeros((*self._kernel_size, self._unused_channels, 4 * layer.filters))
        self._kernel = np.concatenate([kernel, unused, recurrent_kernel], axis=2)

    @property
    def states(self) -> list[State]:
        return [State(self.name, name, self.channels_out) for name in ("h", "c")]

    def frame(self, graph: GraphBuilder, x: str) -> str:
        h, c = self.states
        with graph.scope(self.name):
            if self._unused_channels:
                pads = graph.constant("unused_channels", channel_padding(self._unused_channels))
                x = graph.node(
                    "Pad", x, pads, name="x_padded",
                    doc="onnxruntime's fast convolution takes channels in fours; the weights of these are zero",
                )  # fmt: skip
            x_and_h = graph.node("Concat", x, h.past, name="x_and_h", axis=1)
            z_i, z_f, z_g, z_o = self._gates(graph, x_and_h)
            i, f, o = (self._gate(graph, z, gate) for z, gate in ((z_i, "i"), (z_f, "f"), (z_o, "o")))
            g = graph.node("Tanh", z_g, name="g", doc="the candidate")
            kept = graph.node("Mul", f, c.past, name="kept")
            added = graph.node("Mul", i, g, name="added")
            graph.node("Add", kept, added, name="c", output=c.present)
            return graph.node("Mul", o, graph.node("Tanh", c.present, name="tanh_c"), name="h", output=h.present)

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

    def _gate(self, graph: GraphBuilder, z: str, name: str) -> str:
        if self._recurrent_activation == "sigmoid":
            return graph.node("Sigmoid", z, name=name)
        slope = HARD_SIGMOID_SLOPE[self._recurrent_activation]
        return graph.node("HardSigmoid", z, name=name, alpha=slope, beta=0.5)


def _channels_of_rest(filters: int) -> int:
    """How many channels a second convolution makes; 0 where one does, or where the cut would not fall into z_o."""
    rest = 4 * filters % _CHANNELS_OF_A_SET
    return rest if rest < filters else 0


def _channels_to_add(channels: int) -> int:
    """How many zero channels the input needs to be a multiple of four; a few channels are fast as they are."""
    return -channels % 4 if channels >= 8 else 0
