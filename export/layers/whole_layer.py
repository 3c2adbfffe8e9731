"""Layers that are written over whole values, of any shapes, several inputs and outputs: merges, reshaping, pooling."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from engine.layers import Layer
from export.graph_builder import GraphBuilder
from export.layers.layouts import GraphShape, from_natural, to_natural


class WholeLayer(ABC):
    """A use of a layer as the exporter sees it, where it is not the same work on each frame (FrameLayer).

    A subclass takes (layer, shapes_in, shapes_out), as whole_nodes_for demands, and writes `natural`.

    Attributes:
        name: the layer's name.
        shapes_in, shapes_out: of its inputs and outputs.
        can_step: whether step() can be written, for one frame of each input.
    """

    can_step: bool = False

    def __init__(self, layer: Any, shapes_in: Sequence[GraphShape], shapes_out: Sequence[GraphShape]) -> None:
        self.name: str = layer.name
        self.shapes_in, self.shapes_out = list(shapes_in), list(shapes_out)

    def rename(self, name: str) -> None:
        """Call its nodes by this name, where the layer is used again or stands in a model."""
        self.name = name

    @abstractmethod
    def natural(self, graph: GraphBuilder, inputs: list[str]) -> list[str]:
        """Write the nodes for inputs as Keras has them, (N, *shape), and return the outputs likewise."""

    def whole(self, graph: GraphBuilder, inputs: list[str]) -> list[str]:
        """Write the nodes for inputs as the graph has them (export/layers/layouts.py), and return the outputs."""
        with graph.scope(self.name):
            given = [
                to_natural(graph, x, len(shape), f"natural_{number}")
                for number, (x, shape) in enumerate(zip(inputs, self.shapes_in, strict=True))
            ]
            made = self.natural(graph, given)
            return [
                from_natural(graph, y, len(shape), f"output_{number}")
                for number, (y, shape) in enumerate(zip(made, self.shapes_out, strict=True))
            ]

    def step(self, graph: GraphBuilder, inputs: list[str]) -> list[str]:
        """Write the nodes for one frame (N,C,H,W) of each input; only where can_step."""
        raise NotImplementedError


WholeMaker = Callable[[Any, Sequence[GraphShape], Sequence[GraphShape]], WholeLayer]
WHOLE_NODES: dict[type[Layer], WholeMaker] = {}
"""What writes each class of layer that is no FrameLayer."""


def whole_nodes_for(layer: type[Layer]) -> Callable[[WholeMaker], WholeMaker]:
    """Register what makes the WholeLayer of a class of layers."""

    def register(maker: WholeMaker) -> WholeMaker:
        WHOLE_NODES[layer] = maker
        return maker

    return register
