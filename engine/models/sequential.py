"""Sequential: layers, one after the other, under Keras' names."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from engine.graph.chain import Chain
from engine.graph.config import MODELS
from engine.layers import Input
from engine.layers.symbolic import SymbolicTensor, first_call
from engine.models.keras3_habit import note_keras3_habit
from engine.models.trained_network import TrainedNetwork


class Sequential(TrainedNetwork):
    """A network of layers, one after the other.

    Args:
        layers: to begin with; more by add(). The first may be an Input, or have an input_shape.
        device: "auto" (default: a CUDA device if there is one, else the CPU), "cpu", "cuda", "cuda:N", "reference".
        dtype: "float32" (default) or "float64" (cpu and reference).
        seed: of the initial weights and the order of batches; None draws one.
        precision: of the convolutions on CUDA: "float32" (default), "tf32" or "bfloat16" (docs/cuda/precision.md).
        name: goes into saved files; default "sequential".

    Movies are NumPy arrays (N,T,H,W,C): movies, frames, height, width, channels; any dtype, cast at the door.

    copy.deepcopy and pickle give an independent network: the same weights, optimizer state and arguments of compile.
    """

    graph_kind: ClassVar[str] = "Sequential"
    _written: tuple[int, SymbolicTensor, SymbolicTensor] | None = None

    def __init__(
        self,
        layers: Sequence[Any] | None = None,
        device: str = "auto",
        dtype: Any = "float32",
        seed: int | None = None,
        precision: str = "float32",
        name: str | None = None,
    ) -> None:
        super().__init__(Chain(), device, dtype, seed, precision, name)
        if layers is not None and not isinstance(layers, Iterable):
            raise ValueError(f"layers: expected a list of layers, got {layers!r}")
        for layer in layers or ():
            self.add(layer)

    def add(self, layer: Any) -> None:
        """Append a layer, or a network as one. The first may carry input_shape; else the first data decide it."""
        if self.built and self.placement.objective is not None:
            raise ValueError("add: the network is built and compiled already; add all layers before compile()")
        self.placement.unbuild()
        assert isinstance(self.graph, Chain)
        self.graph.add(layer)
        if self.graph.begins_with_input:
            note_keras3_habit(self.graph)
        self._own_layers()

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """The symbolic tensor that goes in; ValueError before the input's shape is known."""
        return [self._ends()[0]]

    @property
    def outputs(self) -> list[SymbolicTensor]:
        """The symbolic tensor that comes out; ValueError before the input's shape is known."""
        return [self._ends()[1]]

    def _ends(self) -> tuple[SymbolicTensor, SymbolicTensor]:
        """The chain written down as calls on symbolic tensors, anew when layers were added."""
        written = self._written
        if written is None or written[0] != len(self.layers) or first_call(self.layers[0]) is None:
            if self.input_shape is None:
                raise ValueError("input_shape: not known yet; begin with an Input, or build(shape)")
            begin = tensor = Input(self.input_shape, self.graph.batch_size)
            for layer in self.layers:
                tensor = layer(tensor)
            self._written = written = len(self.layers), begin, tensor
        return written[1], written[2]

    @classmethod
    def graph_from_config(cls, config: dict[str, Any]) -> Chain:
        return Chain.from_config(config)


MODELS[Sequential.graph_kind] = Sequential.layer_from_config
