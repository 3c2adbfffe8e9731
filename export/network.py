"""A network as the three graphs need it: layers with their weights, and the sizes of a frame."""

from dataclasses import dataclass
from typing import Any

from export.graph_builder import Shape
from export.layers import FrameLayer, State, read_layers


@dataclass(frozen=True)
class Network:
    """What is exported.

    Attributes:
        name: of the network.
        layers: first to last.
        height, width: of a frame, in pixels; "H", "W" where they are known only when the graph runs.
        channels, channels_out: of an input frame and of an output frame.
    """

    name: str
    layers: list[FrameLayer]
    height: int | str
    width: int | str
    channels: int
    channels_out: int

    @property
    def states(self) -> list[State]:
        """What all layers together carry from frame to frame."""
        return states_of(self.layers)

    @property
    def looks_ahead(self) -> bool:
        """Whether an output frame depends on later input frames."""
        return any(layer.looks_ahead for layer in self.layers)

    def shape(self, channels: int) -> Shape:
        """Of a channels-first value: (N, channels, H, W)."""
        return ("N", channels, self.height, self.width)

    def check_frame_by_frame(self, graph: str) -> None:
        """Raise ValueError unless the network can run one frame at a time."""
        for layer in self.layers[:-1]:
            if layer.looks_ahead:
                raise ValueError(
                    f"graph: {graph!r} runs frame by frame, and layer {layer.name!r} needs later frames before the "
                    "next layer can go on: expected padding='causal' or a kernel of depth 1 there, or graph='sequence'"
                )


def read_network(network: Any, dynamic_size: bool) -> Network:
    """Read a built engine network; with dynamic_size, height and width are left open even where it has them fixed."""
    if not network.layers:
        raise ValueError("network: expected at least one layer, got none")
    if network.input_shape is None:
        raise ValueError("network: expected a built network, got one without input_shape")
    _, height, width, channels = network.input_shape
    layers = read_layers(network, channels)
    return Network(
        name=network.name,
        layers=layers,
        height="H" if dynamic_size or height is None else height,
        width="W" if dynamic_size or width is None else width,
        channels=channels,
        channels_out=layers[-1].channels_out,
    )


def states_of(layers: list[FrameLayer]) -> list[State]:
    """The states of some layers, in the order of the layers."""
    return [state for layer in layers for state in layer.states]
