"""What every layer can write into a graph: its work on one frame, given what it remembers of the frames before."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from export.graph_builder import GraphBuilder

Array = np.ndarray[Any, Any]

ACTIVATIONS = {"sigmoid": "Sigmoid", "tanh": "Tanh", "relu": "Relu"}
"""The ONNX operator of each activation; 'linear' needs none."""


@dataclass(frozen=True)
class State:
    """What a layer carries from frame to frame: a tensor (N, channels, H, W), zero before the first frame.

    Attributes:
        layer: the layer's name.
        name: of the state within the layer, e.g. "h".
        channels: its size on the second axis.
    """

    layer: str
    name: str
    channels: int

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

    Attributes:
        name: the layer's name.
        channels: channels in.
        channels_out: channels out.
        looks_ahead: whether the output for one frame depends on later frames.
    """

    looks_ahead: bool = False
    channels_out: int

    def __init__(self, name: str, channels: int) -> None:
        self.name, self.channels = name, channels

    @property
    def states(self) -> list[State]:
        """What frame() takes and gives; none by default."""
        return []

    @abstractmethod
    def frame(self, graph: GraphBuilder, x: str) -> str:
        """Write the nodes for one frame: x (N,C,H,W) -> the output (N,K,H,W).

        Reads the values named state.past and makes those named state.present, for each of `states`.
        """


def convolution_weights(kernel: Array) -> Array:
    """(kh,kw,C,K), as Keras has it, -> (K,C,kh,kw), as ONNX's Conv wants it."""
    return kernel.transpose(3, 2, 0, 1)


def same_padding(kh: int, kw: int) -> list[int]:
    """The pads attribute of a convolution that keeps height and width; odd sizes."""
    return [kh // 2, kw // 2, kh // 2, kw // 2]


def channel_padding(channels: int) -> Array:
    """The pads of a Pad that adds zero channels after those of (N,C,H,W)."""
    return np.array([0, 0, 0, 0, 0, channels, 0, 0], np.int64)
