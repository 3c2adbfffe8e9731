"""A graph that is a chain: layers, one after the other, whose input may not be known yet."""

from typing import Any

import numpy as np

from engine.graph.config import entries_of, layers_from_entries
from engine.graph.graph import Graph, GraphCall, Shapes, expanded
from engine.layers import InputLayer, Layer
from engine.layers.symbolic import SymbolicTensor
from engine.layers.weight import Shape, checked_input_shape


class Chain(Graph):
    """A Sequential's layers; the first may be an Input, which is the chain's door and none of its layers."""

    def __init__(self) -> None:
        self._layers: list[Any] = []
        self._input: InputLayer | None = None

    def add(self, layer: Any) -> None:
        """Append a layer, or a model as one, numbering its name if that is taken."""
        if isinstance(layer, SymbolicTensor) and isinstance(layer.call.layer, InputLayer):
            layer = layer.call.layer
        if isinstance(layer, InputLayer):
            if self._layers or self._input is not None:
                raise ValueError("layer: an Input can only be the first layer of a Sequential")
            self._input = layer
            return
        if not isinstance(layer, Layer) and not isinstance(getattr(layer, "graph", None), Graph):
            raise ValueError(f"layer: expected a layer of engine, got {layer!r}")
        if any(layer is other for other in self._layers):
            raise ValueError(f"layer: {layer.name!r} is in this network already")
        if isinstance(layer, Layer):
            self._number(layer)
        self._layers.append(layer)

    def _number(self, layer: Layer) -> None:
        taken = {other.name for other in self._layers}
        if layer.given_name in taken:
            raise ValueError(f"name: there is a layer {layer.given_name!r} already")
        if layer.weights and layer.name in taken:
            raise ValueError(
                f"name: there is a layer {layer.name!r} already, and the one added was built under that name; give one "
                "of them another name= when it is made"
            )
        base, number = layer.name, 0
        while layer.name in taken:
            number += 1
            layer.name = f"{base}_{number}"

    @property
    def layers(self) -> list[Any]:
        return self._layers

    @property
    def calls(self) -> list[GraphCall]:
        calls: list[GraphCall] = []
        at: tuple[int, ...] = (0,)
        for layer in self._layers:
            first = calls[-1].outputs[-1] + 1 if calls else 1
            more, at = expanded(layer, at, first)
            if len(at) != 1:
                raise ValueError(
                    f"return_state: {layer.name} would give [output, h, c], and a Sequential takes one output, in "
                    "Keras too; call the layer in a Model, or pass return_state=False"
                )
            calls += more
        return calls

    @property
    def outputs(self) -> tuple[int, ...]:
        calls = self.calls
        return (calls[-1].outputs[-1] if calls else 0,)

    @property
    def input_shapes(self) -> list[Shape | None]:
        if self._input is not None:
            return [self._input.input_shape]
        return [self._layers[0].input_shape if self._layers else None]

    @property
    def batch_size(self) -> int | None:
        if self._input is not None:
            return self._input.batch_size
        first = self._layers[0] if self._layers else None
        return first.batch_size if isinstance(first, Layer) else None if first is None else first.graph.batch_size

    @property
    def input_names(self) -> list[str]:
        if self._input is not None:
            return [self._input.name]
        return [f"{self._layers[0].name}_input" if self._layers else "input_layer"]

    @property
    def output_names(self) -> list[str]:
        return [self._layers[-1].name if self._layers else "output"]

    @property
    def begins_with_input(self) -> bool:
        """Whether an Input was added first."""
        return self._input is not None

    @property
    def input_dtype(self) -> str:
        """What Input was told of the data's dtype."""
        return "float32" if self._input is None else self._input.dtype

    def shapes_by_layer(self, inputs: Shapes) -> dict[Any, Shape]:
        found: dict[Any, Shape] = {}
        shapes = list(inputs)
        for layer in self._layers:
            shapes = layer.output_shapes(shapes)
            found[layer] = shapes[0]
        return found

    def build(self, given: Shape | None, random: np.random.Generator) -> None:
        if not self._layers:
            raise ValueError("build: the network has no layers")
        shape = self.input_shape or checked_input_shape(given)
        if shape is None:
            raise ValueError("input_shape: give it to the first layer, e.g. input_shape=(None, 40, 40, 1)")
        self.check_names()
        self.check_channels([shape])
        if isinstance(self._layers[0], Layer):
            self._layers[0].input_shape = shape
        self.build_layers([shape], random)

    def get_config(self) -> dict[str, Any]:
        """Input shape, and class and arguments of every layer. Raises ValueError: two layers have one name."""
        self.check_names()
        shape = self.input_shape
        config: dict[str, Any] = {"input_shape": list(shape) if shape else None, "layers": entries_of(self._layers)}
        if self._input is not None and self._input.batch_size is not None:
            config["batch_size"] = self._input.batch_size
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Chain":
        """Fresh layers from what get_config returned."""
        chain = cls()
        layers = layers_from_entries(config["layers"])
        shape, batch_size = checked_input_shape(config["input_shape"]), config.get("batch_size")
        if layers and isinstance(layers[0], Layer):
            layers[0].input_shape, layers[0].batch_size = shape, batch_size
        elif shape is not None:
            chain.add(InputLayer(shape, batch_size))
        for layer in layers:
            chain.add(layer)
        return chain
