"""What every layer can write into a graph: its work on one frame, given what it remembers of the frames before."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.layers import Layer
from export.graph_builder import GraphBuilder
from export.layers.composed_activations import COMPOSED
from kernels.activations import SOFTMAX, Activation, parsed
from kernels.arrays import HostArray
from kernels.specs import Padding, convolution_length

Size = tuple[int | str, int | str]
"""Height and width of a frame; "H", "W" where they are known only when the graph runs."""


@dataclass(frozen=True)
class State:
    """What a layer carries from frame to frame: a tensor (N, channels, *size), zero before the first frame.

    Attributes:
        layer: the layer's name.
        name: of the state within the layer, e.g. "h".
        channels, size: its other axes.
    """

    layer: str
    name: str
    channels: int
    size: Size

    @property
    def shape(self) -> list[int | str]:
        """All axes."""
        return ["N", self.channels, *self.size]

    @property
    def past(self) -> str:
        """The value that goes in."""
        return f"past.{self.layer}.{self.name}"

    @property
    def present(self) -> str:
        """The value that comes out, the next frame's past."""
        return f"present.{self.layer}.{self.name}"


class FrameLayer(ABC):
    """A layer of the network, as the exporter sees it. Values are channels-first: frames (N,C,H,W).

    A subclass may take (layer, channels, size, rank), as nodes_for demands: the engine's layer, the frames in, and how
    many axes the layer's input has with that of the movies.

    Attributes:
        name: the layer's name.
        channels, size: of a frame in.
        channels_out, size_out: of a frame out; those of a frame in unless the subclass says otherwise.
        looks_ahead: whether the output for one frame depends on later frames; the sequence graph then runs taps() on
            every frame and over_time() on all.
        needs_movies: whether the sequence graph must run over_movies() instead, on all frames at once.
        backwards: whether the layer begins at the last frame.
        turned: whether the sequence graph gives the last output frame first.
        stateful: whether a movie begins with the states that the one before ended with.
    """

    looks_ahead: bool = False
    needs_movies: bool = False
    backwards: bool = False
    turned: bool = False
    stateful: bool = False

    def __init__(self, name: str, channels: int, size: Size) -> None:
        self.name, self.channels, self.size = name, channels, size
        self.channels_out, self.size_out = channels, size

    @property
    def states(self) -> list[State]:
        """What frame() takes and gives; none by default."""
        return []

    @abstractmethod
    def frame(self, graph: GraphBuilder, x: str) -> str:
        """Write the nodes for one frame: x (N,C,H,W) -> the output (N,K,H,W).

        Reads the values named state.past and makes those named state.present, for each of `states`.
        """

    def taps(self, graph: GraphBuilder, x: str) -> tuple[str, int]:
        """Write x (N,C,H,W) -> what over_time() wants of each frame, and return it with its channels.

        For layers that look ahead.
        """
        raise NotImplementedError

    def over_time(self, graph: GraphBuilder, taps: str) -> str:
        """Write the taps of all frames (T,N,...) -> their output (T,N,K,H,W). For layers that look ahead."""
        raise NotImplementedError

    def over_movies(self, graph: GraphBuilder, x: str) -> str:
        """Write x (T,N,C,H,W) -> (T',N,K,H',W'). For layers that need whole movies."""
        raise NotImplementedError


Maker = Callable[[Any, int, Size, int], FrameLayer]
NODES: dict[type[Layer], Maker] = {}
"""What writes each class of layer; a subclass of a layer's class is another layer."""


def nodes_for(layer: type[Layer]) -> Callable[[Maker], Maker]:
    """Register what makes the FrameLayer of a class of layers: a *Nodes class, or a function that chooses one.

    It takes (layer, channels, size, rank), as FrameLayer says, and raises ValueError where no graph has such a layer.
    """

    def register(maker: Maker) -> Maker:
        NODES[layer] = maker
        return maker

    return register


def activation_node(
    graph: GraphBuilder, activation: Activation, x: str, name: str, doc: str = "", channel_axis: int = 1
) -> str:
    """One of the engine's activations; channel_axis: of x, for softmax."""
    if activation == SOFTMAX:
        return graph.node("Softmax", x, name=name, doc=doc, axis=channel_axis)
    taken_apart = parsed(activation)
    entry, parameters = taken_apart.entry, taken_apart.parameters
    if taken_apart.name in COMPOSED:
        with graph.scope(name):
            return COMPOSED[taken_apart.name](graph, x, parameters)
    attributes: dict[str, Any] = {
        key: parameters[value] if isinstance(value, str) else value for key, value in entry.attributes.items()
    }
    return graph.node(entry.onnx, x, name=name, doc=doc, **attributes)


def size_after(layer: Any, size: Size) -> Size:
    """A frame's size behind a ConvLSTM2D or Conv3D; ValueError where it must be known and is not."""
    strides, kernel, dilation = (
        (*(1,) * (2 - len(numbers)), *numbers)[-2:]
        for numbers in (layer.strides, layer.kernel_size, layer.dilation_rate)
    )
    if max(strides) == 1 and (layer.padding != "valid" or tuple(kernel) == (1, 1)):
        return size
    if isinstance(size[0], str) or isinstance(size[1], str):
        raise ValueError(
            f"layer {layer.name!r}: strides and padding='valid' change the size of frames: expected a network with "
            "height and width in its input_shape, exported without dynamic_size"
        )
    padding: Padding = "same" if layer.padding == "causal" else layer.padding
    height, width = (
        convolution_length(n, k, stride, gap, padding)
        for n, k, stride, gap in zip((size[0], size[1]), kernel, strides, dilation, strict=True)
    )
    return height, width


def convolution_weights(kernel: HostArray) -> HostArray:
    """(kh,kw,C,K), as Keras has it, -> (K,C,kh,kw), as ONNX's Conv wants it."""
    return kernel.transpose(3, 2, 0, 1)


def same_padding(*sizes: int) -> list[int]:
    """The pads attribute of a convolution of stride 1 that keeps the size: zeros before on each axis, then after."""
    return [(size - 1) // 2 for size in sizes] + [size // 2 for size in sizes]


def channel_padding(channels: int) -> HostArray:
    """The pads of a Pad that adds zero channels after those of (N,C,H,W)."""
    return np.array([0, 0, 0, 0, 0, channels, 0, 0], np.int64)
