"""Model: a network of layers called on tensors, under Keras' names; or what a subclass's call() does with them."""

from typing import Any, ClassVar

from engine.graph.config import MODELS
from engine.graph.functional import FunctionalGraph
from engine.graph.graph import Graph
from engine.graph.traced import TracedGraph
from engine.models.keras3_habit import note_keras3_habit
from engine.models.trained_network import TrainedNetwork


class Model(TrainedNetwork):
    """A network with any connections between its layers: several inputs and outputs, skips, layers used twice.

        x = Input((None, 40, 40, 1))
        h = ConvLSTM2D(16, 3, padding="same", return_sequences=True)(x)
        y = Conv3D(1, 3, padding="same", activation="sigmoid")(Concatenate()([h, x]))
        model = Model(x, y)

    Or a subclass with call(self, inputs), which is traced once, with symbolic tensors, when the first data come: layers
    are called in it as above, and nothing else may depend on the data.

    Args:
        inputs: what Input gave: one tensor, a list, or a dict by name.
        outputs: what the layers gave: one tensor, a list, or a dict by name, which predict's result then is too.
        name: default "model".
        device, dtype, seed, precision: as for Sequential.

    fit, evaluate and predict take an array for one input, a list of arrays, or a dict by the inputs' names; targets and
    losses go by the names of the layers that give the outputs.
    """

    graph_kind: ClassVar[str] = "Model"

    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
        device: str = "auto",
        dtype: Any = "float32",
        seed: int | None = None,
        precision: str = "float32",
    ) -> None:
        if (inputs is None) != (outputs is None):
            raise ValueError("outputs: expected inputs and outputs, or neither in a subclass that has call()")
        graph: Graph
        if inputs is None:
            if type(self).call is Model.call:
                raise ValueError("inputs: expected what Input returned, and outputs; or a subclass with call(self, x)")
            graph = TracedGraph(self.call)
        else:
            graph = FunctionalGraph.of(inputs, outputs)
            note_keras3_habit(graph)
        self._compile_arguments: dict[str, Any] | None = None
        super().__init__(graph, device, dtype, seed, precision, name)

    def call(self, inputs: Any) -> Any:
        """What a subclass computes: symbolic tensors in, those that its layers give out."""
        raise NotImplementedError(f"{type(self).__name__}: it was made of inputs and outputs")

    def compile(
        self,
        optimizer: Any = "adadelta",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
    ) -> None:
        given = optimizer, loss, loss_weights, metrics, weighted_metrics
        self.placement.graph.when_known(lambda: TrainedNetwork.compile(self, *given))

    @property
    def inputs(self) -> list[Any]:
        """The symbolic tensors that go in."""
        return list(self.graph.inputs) if isinstance(self.graph, FunctionalGraph) else []

    @property
    def outputs(self) -> list[Any]:
        """The symbolic tensors that come out."""
        return list(self.graph.results) if isinstance(self.graph, FunctionalGraph) else []

    @classmethod
    def graph_from_config(cls, config: dict[str, Any]) -> Graph:
        return FunctionalGraph.from_config(config)


MODELS[Model.graph_kind] = Model.layer_from_config
