"""A network in words and numbers: what model files are written from and read into, without knowing any model."""

from dataclasses import dataclass, field
from typing import Any

from engine.graph.graph import Graph
from engine.layers import Layer
from engine.layers.weight import Shape
from engine.metrics import Metric
from engine.optimizers.base import Optimizer
from kernels.arrays import HostArray


@dataclass
class Description:
    """A network as files hold it.

    Attributes:
        name, dtype: of the network.
        graph: its layers and how they are connected.
        loss, loss_weights, optimizer: what compile was given; None where it was not called. Of several outputs a list
            of losses, and of weights unless all are 1.
        weights: each layer's arrays, in Keras' order.
        slots: for each layer, the optimizer's arrays for each trained weight, in the order of Optimizer.slots; None
            where there are none.
        iterations: updates that the optimizer has made.
        metrics: of each output.
    """

    name: str
    dtype: str
    graph: Graph
    loss: Any = None
    loss_weights: Any = None
    optimizer: Optimizer | None = None
    weights: list[list[HostArray]] = field(default_factory=list)
    slots: list[list[tuple[HostArray, ...]]] | None = None
    iterations: int = 0
    metrics: list[list[Metric]] = field(default_factory=list)

    @property
    def layers(self) -> list[Layer]:
        """Every layer once, those inside models too, in Keras' order."""
        return self.graph.leaves

    @property
    def input_shape(self) -> Shape | None:
        """(frames, height, width, channels), None where any size will do; None where it is not known."""
        return self.graph.input_shape

    @property
    def resumes(self) -> bool:
        """Whether the optimizer can go on from the slots, in place of beginning anew."""
        if self.optimizer is None:
            return False
        count = len(self.optimizer.slots)
        return count == 0 or (
            self.slots is not None and all(len(arrays) == count for layer in self.slots for arrays in layer)
        )
