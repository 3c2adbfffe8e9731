"""Conv3D as one 2-D convolution per frame and a sum over time.

    tap_j[t] = conv2d(x[t], kernel[j])           all kt taps of a frame are the channels of one Conv
    y[t]     = bias + sum_j tap_j[t + j - before]

`before` is how many earlier frames an output sees: kt - 1 for 'causal', (kt - 1) // 2 for 'same'. A 2-D convolution
has a fast path in onnxruntime, a 3-D one has none; and frame by frame it needs only what the earlier taps left:

    owed[t][k] = what frames up to t add to y[t + 1 + k]          the layer's state, `before` maps of K channels
"""

from typing import Any

import numpy as np

from engine.layers import Conv3D
from export.graph_builder import GraphBuilder
from export.layers.convolutional.whole_conv3d import WholeConv3DNodes
from export.layers.frame_layer import (
    FrameLayer,
    Size,
    State,
    activation_node,
    channel_padding,
    convolution_weights,
    nodes_for,
    same_padding,
)
from kernels.arrays import HostArray


class Conv3DNodes(FrameLayer):
    """Frame by frame, with nothing known of later frames: exact if 'causal', and for the last frame of a movie."""

    def __init__(self, layer: Any, channels: int, size: Size) -> None:
        super().__init__(layer.name, channels, size)
        self.channels_out = layer.filters
        self.kernel_size: tuple[int, int, int] = tuple(layer.kernel_size)
        self.before = self.kernel_size[0] - 1 if layer.padding == "causal" else (self.kernel_size[0] - 1) // 2
        self.looks_ahead = self.before < self.kernel_size[0] - 1
        self._activation = layer.activation
        self._kernel: HostArray = layer.kernel.to_host()
        self._bias: HostArray = np.zeros(layer.filters) if layer.bias is None else layer.bias.to_host()

    @property
    def states(self) -> list[State]:
        return [State(self.name, "owed", self.before * self.channels_out, self.size)] if self.before else []

    def frame(self, graph: GraphBuilder, x: str) -> str:
        now_then_later = list(range(self.before, -1, -1))
        taps = self._taps(graph, x, now_then_later)
        with graph.scope(self.name):
            if not self.before:
                return self._activated(graph, taps)
            (owed,) = self.states
            pads = graph.constant("owed_pads", channel_padding(self.channels_out))
            total = graph.node(
                "Add", taps, graph.node("Pad", owed.past, pads, name="owed_so_far"), name="owed_and_taps"
            )
            y, _ = graph.split(
                total, 1, [("sum", self.channels_out), (owed.present, owed.channels)], "sum_and_owed",
                doc="this frame's output; what later outputs are owed",
            )  # fmt: skip
            return self._activated(graph, y)

    def taps(self, graph: GraphBuilder, x: str) -> tuple[str, int]:
        """Every tap of the frame, (N,kt*K,H,W)."""
        depth = self.kernel_size[0]
        return self._taps(graph, x, list(range(depth))), depth * self.channels_out

    def over_time(self, graph: GraphBuilder, taps: str) -> str:
        """Sum what each frame and those around it have, each frame seeing later ones."""
        depth, channels = self.kernel_size[0], self.channels_out
        after = depth - 1 - self.before
        with graph.scope(self.name):
            pads = graph.constant("time_pads", np.array([self.before, 0, 0, 0, 0, after, 0, 0, 0, 0], np.int64))
            padded = graph.node("Pad", taps, pads, name="padded_in_time", doc="zeros where there is no frame")
            axes = graph.constant("time_and_channels", np.array([0, 2], np.int64))
            parts = []
            for j in range(depth):
                last = np.iinfo(np.int64).max if j == depth - 1 else j - (depth - 1)
                starts = graph.constant(f"tap_{j}_starts", np.array([j, j * channels], np.int64))
                ends = graph.constant(f"tap_{j}_ends", np.array([last, (j + 1) * channels], np.int64))
                parts.append(graph.node("Slice", padded, starts, ends, axes, name=f"tap_{j}"))
            return self._activated(graph, graph.node("Sum", *parts, name="sum"))

    def _taps(self, graph: GraphBuilder, x: str, order: list[int]) -> str:
        _, kh, kw = self.kernel_size
        kernel: HostArray = np.concatenate([self._kernel[j] for j in order], axis=-1)
        bias = np.concatenate([self._bias if j == self.before else np.zeros_like(self._bias) for j in order])
        with graph.scope(self.name):
            return graph.node(
                "Conv", x, graph.constant("kernel", convolution_weights(kernel)), graph.constant("bias", bias),
                name="taps", doc=f"taps {order} of the kernel, one block of channels each",
                kernel_shape=[kh, kw], pads=same_padding(kh, kw),
            )  # fmt: skip

    def _activated(self, graph: GraphBuilder, x: str) -> str:
        if self._activation == "linear":
            return x
        return activation_node(graph, self._activation, x, "activation")


@nodes_for(Conv3D)
def conv3d_nodes(layer: Any, channels: int, size: Size, rank: int) -> FrameLayer:
    """Frame by frame where the convolution allows it, else over whole movies."""
    padded = layer.padding != "valid" or max(layer.kernel_size) == 1
    one_by_one = max(*layer.strides, *layer.dilation_rate, layer.groups) == 1 and padded
    odd = all(length % 2 == 1 for length in layer.kernel_size[1:])
    return (Conv3DNodes if one_by_one and odd else WholeConv3DNodes)(layer, channels, size)
