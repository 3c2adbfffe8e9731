"""A network before any device: which layer reads which values, shapes, weights and names.

Values are numbered: first the inputs, then what each call gives, in the order of the calls. A model that is used as a
layer has been replaced by its own calls, so that every call is a layer's; `layers` still has it as one.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.layers import Layer, Weight
from engine.layers.weight import Shape

Shapes = Sequence[Shape]
"""The shapes of a network's inputs, or of its outputs."""


@dataclass(frozen=True)
class GraphCall:
    """One use of a layer.

    Attributes:
        layer: what is called.
        inputs, outputs: numbers of values; initial states stand last among the inputs.
        initial_states: how many of the inputs they are.
        path: the names of the models that the layer stands in, from the outermost on, each with a slash behind.
    """

    layer: Layer
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    initial_states: int = 0
    path: str = ""


class Graph(ABC):
    """Calls of layers from inputs to outputs.

    A subclass says how it is written down: as a chain (engine/graph/chain.py) or by calls on symbolic tensors
    (engine/graph/functional.py).

    Attributes:
        output_keys: the names of the outputs where they were given as a dict; None where they were not.
        waits: whether something is to be done when the layers are known (when_known).
    """

    output_keys: list[str] | None = None
    waits: bool = False

    @property
    @abstractmethod
    def layers(self) -> list[Any]:
        """What the network was made of, in Keras' order: layers, and models used as layers."""

    @property
    @abstractmethod
    def calls(self) -> list[GraphCall]:
        """Calls of layers alone, each after those whose outputs it reads."""

    @property
    @abstractmethod
    def outputs(self) -> tuple[int, ...]:
        """Numbers of the values that the network gives."""

    @property
    @abstractmethod
    def input_shapes(self) -> list[Shape | None]:
        """The shape of each input; None where it is not known yet."""

    @property
    @abstractmethod
    def batch_size(self) -> int | None:
        """How many movies every batch has; None for any number."""

    @property
    @abstractmethod
    def input_names(self) -> list[str]:
        """The names of the inputs, by which dicts of arrays call them."""

    @property
    @abstractmethod
    def output_names(self) -> list[str]:
        """The names of the outputs, by which dicts of targets and losses call them."""

    @abstractmethod
    def get_config(self) -> dict[str, Any]:
        """What makes the same graph again, JSON-able."""

    @abstractmethod
    def build(self, given: Shape | None, random: np.random.Generator) -> None:
        """Create the weights that are not there yet; given is the input's shape where none is known.

        Raises ValueError, and has changed nothing: there is no shape, it does not go through, or it has other channels
        than a layer that is built.
        """

    def prepare(self, shapes: Shapes, keys: Sequence[str] | None, listed: bool) -> None:
        """Take note of data that have come, where the graph is not known yet (engine/graph/traced.py)."""

    def when_known(self, work: Callable[[], None]) -> None:
        """Do something when the layers are known: now."""
        work()

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.leaves)

    @property
    def input_shape(self) -> Shape | None:
        """The shape of the one input, or of the first; None before it is known."""
        shapes = self.input_shapes
        return shapes[0] if shapes else None

    @property
    def leaves(self) -> list[Layer]:
        """Every layer once, those inside models too, in Keras' order."""
        return list(self.paths)

    @property
    def paths(self) -> dict[Layer, str]:
        """Every layer once, in Keras' order, with the names of the models around it."""
        found: dict[Layer, str] = {}
        for layer in self.layers:
            wrapped = isinstance(layer, Layer) and layer.model is not None
            if isinstance(layer, Layer) and not wrapped:
                found.setdefault(layer, "")
                continue
            graph = layer.model.graph if wrapped else layer.graph
            for leaf, path in graph.paths.items():
                found.setdefault(layer.wrapping(leaf) if wrapped else leaf, f"{layer.name}/{path}")
        return found

    @property
    def named_weights(self) -> list[tuple[str, Weight]]:
        """All weights, each once, in Keras' order, under names that differ."""
        found: dict[int, tuple[str, Weight]] = {}
        for layer, path in self.paths.items():
            for weight in layer.weights:
                found.setdefault(id(weight), (f"{path}{weight.name}", weight))
        return list(found.values())

    @property
    def weights(self) -> list[Weight]:
        """All weights in Keras' order: layer by layer, in each layer the trained ones first."""
        return [weight for _, weight in self.named_weights]

    def value_shapes(self, inputs: Shapes) -> list[Shape]:
        """The shape of every value, for these inputs; ValueError for inputs that do not go through."""
        shapes = list(inputs)
        for call in self.calls:
            shapes += call.layer.output_shapes([shapes[value] for value in call.inputs])
        return shapes

    def output_shapes(self, inputs: Shapes) -> list[Shape]:
        """The shapes of the outputs, for inputs of these shapes (all without the axis of the batch)."""
        shapes = self.value_shapes(inputs)
        return [shapes[value] for value in self.outputs]

    def layer_shapes(self) -> dict[Any, Shape]:
        """The output's shape of each of `layers`, where it is called once at least; the first of several outputs.

        Raises ValueError: an input's shape is not known.
        """
        return self.shapes_by_layer(self._known_inputs())

    def known_value_shapes(self) -> list[Shape]:
        """value_shapes of the inputs that are known; ValueError: they are not."""
        return self.value_shapes(self._known_inputs())

    def _known_inputs(self) -> list[Shape]:
        known = [shape for shape in self.input_shapes if shape is not None]
        if len(known) < len(self.input_shapes):
            raise ValueError("input_shape: not known yet; pass one, or data")
        return known

    @abstractmethod
    def shapes_by_layer(self, inputs: Shapes) -> dict[Any, Shape]:
        """The first output's shape of each of `layers`, for inputs of these shapes."""

    def readers(self) -> Counter[int]:
        """How many times each value is read, by calls and as an output."""
        return Counter([value for call in self.calls for value in call.inputs] + list(self.outputs))

    def generalised(self, data_shape: Shape) -> Shape:
        """An input shape for such data: its channels alone, or all of it where weights depend on more."""
        for shape in ((*(None,) * (len(data_shape) - 1), data_shape[-1]), data_shape):
            try:
                self.check_channels([shape])
            except ValueError as error:
                refusal = error
            else:
                return shape
        raise refusal

    def check_channels(self, inputs: Shapes) -> None:
        """Refuse inputs of other sizes than the layers' weights were made for."""
        shapes = list(inputs)
        for call in self.calls:
            given = [shapes[value] for value in call.inputs]
            call.layer.checked_channels(given[0])
            shapes += call.layer.output_shapes(given)

    def check_names(self) -> None:
        """Refuse two layers of one name: another network may have renamed one since."""
        for name, count in Counter(layer.name for layer in self.layers).items():
            if count > 1:
                raise ValueError(f"name: two layers of this network are called {name!r}; give them names when made")

    def check_owners(self) -> None:
        """Refuse, for files, a layer that stands in the network by itself and inside another one: they would part."""
        owners: dict[Any, Layer] = {}
        for leaf in self.leaves:
            other = owners.setdefault(leaf.weights_owner, leaf)
            if other is not leaf:
                raise ValueError(
                    f"layer {leaf.weights_owner.name!r}: {leaf.name!r} and {other.name!r} both apply it, which no file "
                    "keeps; make two layers, or keep the program and save_weights"
                )

    def build_layers(self, inputs: Shapes, random: np.random.Generator) -> None:
        """Create the weights of all layers for inputs of these shapes, in the order of the calls."""
        self.check_names()
        self.check_channels(inputs)
        shapes = list(inputs)
        for call in self.calls:
            given = [shapes[value] for value in call.inputs]
            call.layer.build(given[0], random)
            shapes += call.layer.output_shapes(given)


def expanded(
    layer: Any, inputs: tuple[int, ...], first: int, initial_states: int = 0, path: str = ""
) -> tuple[list[GraphCall], tuple[int, ...]]:
    """The calls that a use of a layer is, where values from number `first` on are free; and its outputs' values.

    A layer is one call. A model is its own calls, with its inputs in place of theirs.
    """
    if isinstance(layer, Layer):
        if layer.model is not None:
            return _expanded_model(layer.model.graph, inputs, first, f"{path}{layer.name}/", layer)
        outputs = tuple(range(first, first + layer.output_count))
        return [GraphCall(layer, inputs, outputs, initial_states, path)], outputs
    return _expanded_model(layer.graph, inputs, first, f"{path}{layer.name}/")


def _expanded_model(
    graph: Graph, inputs: tuple[int, ...], first: int, path: str, wrapper: Layer | None = None
) -> tuple[list[GraphCall], tuple[int, ...]]:
    number = dict(enumerate(inputs))
    calls = []
    for call in graph.calls:
        outputs = tuple(range(first, first + len(call.outputs)))
        number |= dict(zip(call.outputs, outputs, strict=True))
        layer = call.layer if wrapper is None else wrapper.wrapping(call.layer)
        read = tuple(number[value] for value in call.inputs)
        calls.append(GraphCall(layer, read, outputs, call.initial_states, f"{path}{call.path}"))
        first += len(outputs)
    return calls, tuple(number[value] for value in graph.outputs)
