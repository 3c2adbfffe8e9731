"""ConvLSTM2D, one frame: one convolution over the frame and h together, then the gates.

    z       = conv([x, h_past], [kernel, recurrent_kernel]) + bias
    i, f, o = sigma(z_i), sigma(z_f), sigma(z_o)
    c       = f * c_past + i * tanh(z_g)
    h       = o * tanh(c)

Keras has the gates in the order i, f, g, o; here it is i, f, o, g, so that one activation node covers the three gates.
"""

from typing import Any

import numpy as np

from export.graph_builder import GraphBuilder
from export.layers.frame_layer import Array, FrameLayer, State, channel_padding, convolution_weights, same_padding
from kernels.specs import HARD_SIGMOID_SLOPE

GATE_ORDER = "i, f, o, g"


class ConvLSTM2D(FrameLayer):
    """The recurrence; states h and c (N,F,H,W)."""

    def __init__(self, layer: Any, channels: int) -> None:
        super().__init__(layer.name, channels)
        self.channels_out = layer.filters
        self._kernel_size = tuple(layer.kernel_size)
        self._recurrent_activation = layer.recurrent_activation
        kernel, recurrent_kernel, self._bias = (_gates_ifog(w) for w in layer.get_weights())
        self._unused_channels = _channels_to_add(channels + layer.filters)
        unused = np.zeros((*self._kernel_size, self._unused_channels, 4 * layer.filters))
        self._kernel = np.concatenate([kernel, unused, recurrent_kernel], axis=2)

    @property
    def states(self) -> list[State]:
        return [State(self.name, name, self.channels_out) for name in ("h", "c")]

    def frame(self, graph: GraphBuilder, x: str) -> str:
        h, c = self.states
        filters, (kh, kw) = self.channels_out, self._kernel_size
        with graph.scope(self.name):
            if self._unused_channels:
                pads = graph.constant("unused_channels", channel_padding(self._unused_channels))
                x = graph.node(
                    "Pad", x, pads, name="x_padded",
                    doc="onnxruntime's fast convolution takes channels in fours; the weights of these are zero",
                )  # fmt: skip
            x_and_h = graph.node("Concat", x, h.past, name="x_and_h", axis=1)
            z = graph.node(
                "Conv", x_and_h, graph.constant("kernel", convolution_weights(self._kernel)),
                graph.constant("bias", self._bias), name="z", doc=f"blocks of {filters} channels: {GATE_ORDER}",
                kernel_shape=[kh, kw], pads=same_padding(kh, kw),
            )  # fmt: skip
            z_ifo, z_g = graph.split(z, 1, [("z_ifo", 3 * filters), ("z_g", filters)], "gates_and_candidate")
            gates = self._gate_activation(graph, z_ifo)
            i, f, o = graph.split(gates, 1, [("i", filters), ("f", filters), ("o", filters)], "gates")
            g = graph.node("Tanh", z_g, name="g", doc="the candidate")
            kept = graph.node("Mul", f, c.past, name="kept")
            added = graph.node("Mul", i, g, name="added")
            graph.node("Add", kept, added, name="c", output=c.present)
            return graph.node("Mul", o, graph.node("Tanh", c.present, name="tanh_c"), name="h", output=h.present)

    def _gate_activation(self, graph: GraphBuilder, z: str) -> str:
        if self._recurrent_activation == "sigmoid":
            return graph.node("Sigmoid", z, name="gates_ifo")
        slope = HARD_SIGMOID_SLOPE[self._recurrent_activation]
        return graph.node("HardSigmoid", z, name="gates_ifo", alpha=slope, beta=0.5)


def _gates_ifog(weight: Array) -> Array:
    """Reorder the last axis from Keras' i, f, g, o."""
    i, f, g, o = np.split(weight, 4, axis=-1)
    return np.concatenate([i, f, o, g], axis=-1)


def _channels_to_add(channels: int) -> int:
    """How many zero channels the input needs to be a multiple of four; a few channels are fast as they are."""
    return -channels % 4 if channels >= 8 else 0
