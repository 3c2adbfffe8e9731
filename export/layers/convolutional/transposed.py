"""Transposed convolutions as ONNX's own ConvTranspose: of frames, and Conv3DTranspose of whole movies."""

from typing import Any

from engine.layers import Conv1DTranspose, Conv2DTranspose, Conv3DTranspose
from export.layers.convolutional.whole_conv3d import WholeMovieNodes
from export.layers.frame_layer import FrameLayer, Size, nodes_for
from export.layers.product import ProductNodes, framewise_size, on_frames, window_of


@nodes_for(Conv1DTranspose)
@nodes_for(Conv2DTranspose)
class FramewiseTransposedNodes(ProductNodes):
    """A transposed convolution of each frame."""

    def __init__(self, layer: Any, channels: int, size: Size, rank: int) -> None:
        before, beyond = (layer.triple(each)[1:] for each in _paddings(layer))
        if layer.rank == 1:
            before, beyond = (0, before[1]), (0, beyond[1])
        super().__init__(
            layer, channels, size, on_frames(layer.kernel.to_host()), layer.filters,
            framewise_size(layer, channels, size), "ConvTranspose", **window_of(layer), **_pads(before, beyond),
        )  # fmt: skip


class WholeTransposedNodes(WholeMovieNodes):
    """A transposed convolution over all frames at once."""

    def __init__(self, layer: Any, channels: int, size: Size) -> None:
        attributes: dict[str, Any] = {
            "kernel_shape": list(layer.kernel_size),
            "strides": list(layer.strides),
            "dilations": list(layer.dilation_rate),
            **_pads(*_paddings(layer)),
        }
        size_out = framewise_size(layer, channels, size)
        super().__init__(layer, channels, size, size_out, "ConvTranspose", attributes)


@nodes_for(Conv3DTranspose)
def conv3d_transpose_nodes(layer: Any, channels: int, size: Size, rank: int) -> FrameLayer:
    """Frame by frame where no frame knows of another, else over whole movies."""
    if layer.can_stream:
        return FramewiseTransposedNodes(layer, channels, size, rank)
    return WholeTransposedNodes(layer, channels, size)


def _paddings(layer: Any) -> tuple[list[int], list[int]]:
    """For each axis of the window, positions cut off before, and those after (negative: added).

    They are the same for any number of inputs, so those of one input are taken.
    """
    before, beyond = [], []
    for axis, (taps, gap) in enumerate(zip(layer.kernel_size, layer.dilation_rate, strict=True)):
        reached, made = (taps - 1) * gap + 1, layer.length(axis, 1)
        before.append(max(reached - made, 0) // 2 if layer.padding == "same" else 0)
        beyond.append(reached - made - before[-1])
    return before, beyond


def _pads(before: Any, beyond: Any) -> dict[str, Any]:
    """pads and output_padding of ONNX's ConvTranspose."""
    return {
        "pads": [*before, *(max(size, 0) for size in beyond)],
        "output_padding": [max(-size, 0) for size in beyond],
    }
