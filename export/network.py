"""A network as the three graphs need it: layers with their weights, and the sizes of a frame."""

from dataclasses import dataclass
from typing import Any

from export.layers import FrameLayer, Size, State, read_layers


@dataclass(frozen=True)
class Network:
    """A network read for export.

    Attributes:
        name: of the network.
        layers: first to last.
        height, width: of a frame, in pixels; "H", "W" where they are known only when the graph runs.
        channels, channels_out: of an input frame and of an output frame.
        last_frame_only: the output is that of the last frame.
    """

    name: str
    layers: list[FrameLayer]
    height: int | str
    width: int | str
    channels: int
    channels_out: int
    last_frame_only: bool

    @property
    def size(self) -> Size:
        """Height and width of an input frame."""
        return self.height, self.width

    @property
    def size_out(self) -> Size:
        """Height and width of an output frame."""
        return self.layers[-1].size_out

    @property
    def states(self) -> list[State]:
        """The states that all layers together carry from frame to frame."""
        return states_of(self.layers)

    @property
    def looks_ahead(self) -> bool:
        """True if an output frame depends on later input frames."""
        return any(layer.looks_ahead for layer in self.layers)

    def check_frame_by_frame(self, graph: str) -> None:
        """Raise ValueError unless the network can run one frame at a time."""
        for layer in self.layers:
            if layer.backwards or layer.needs_movies:
                raise ValueError(
                    f"graph: {graph!r} runs frame by frame, and layer {layer.name!r} needs whole movies (it goes "
                    "backwards, or is a Conv3D with strides, dilation, groups, an even kernel or padding='valid'): "
                    "expected graph='sequence'"
                )
            if layer.looks_ahead and layer is not self.layers[-1]:
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
    shape = network.input_shape
    if len(shape) != 4 or shape[3] is None:
        raise ValueError(f"network: expected one for movies (frames, height, width, channels), got {shape}")
    _, height, width, channels = shape
    size: Size = "H" if dynamic_size or height is None else height, "W" if dynamic_size or width is None else width
    layers = read_layers(network, channels, size)
    return Network(
        name=network.name,
        layers=layers,
        height=size[0],
        width=size[1],
        channels=channels,
        channels_out=layers[-1].channels_out,
        last_frame_only=len(network.output_shape()) == 3,
    )


def states_of(layers: list[FrameLayer]) -> list[State]:
    """Return the states of some layers, in the order of the layers."""
    return [state for layer in layers for state in layer.states]
