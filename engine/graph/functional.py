"""A graph that was written down by calling layers on symbolic tensors, from Inputs to outputs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.graph.config import entries_of, layers_from_entries
from engine.graph.graph import Graph, GraphCall, Shapes, expanded
from engine.layers import InputLayer, Layer
from engine.layers.symbolic import Call, SymbolicTensor, call
from engine.layers.weight import Shape

Config = dict[str, Any]


class FunctionalGraph(Graph):
    """What lies between symbolic tensors.

    Args:
        inputs: what Input gave; all that the outputs depend on.
        outputs: what the layers gave.
        input_keys, output_keys: their names where they were given as a dict; None where they were not.

    Attributes:
        inputs, results: those tensors.
        nodes: the calls between them, Inputs first, each after those whose outputs it reads.

    Raises ValueError: an output depends on an Input that is not among the inputs, or two layers were given one name.
    """

    def __init__(
        self,
        inputs: Sequence[SymbolicTensor],
        outputs: Sequence[SymbolicTensor],
        input_keys: list[str] | None = None,
        output_keys: list[str] | None = None,
    ) -> None:
        self.inputs, self.results = list(inputs), list(outputs)
        self.input_keys, self.output_keys = input_keys, output_keys
        for tensor in self.inputs:
            if not isinstance(tensor, SymbolicTensor) or not isinstance(tensor.call.layer, InputLayer):
                raise ValueError(f"inputs: expected what Input returned, got {tensor!r}")
        for tensor in self.results:
            if not isinstance(tensor, SymbolicTensor):
                raise ValueError(f"outputs: expected what layers returned for symbolic tensors, got {tensor!r}")
        self.nodes, self._layers = _in_order(self.inputs, self.results)
        _number_names(self._layers)
        self._calls, self._outputs = self._flattened()

    @classmethod
    def of(cls, inputs: Any, outputs: Any) -> "FunctionalGraph":
        """The graph between tensors that are given one by one, as lists or as dicts."""
        (begin, input_keys), (end, output_keys) = tensors_and_keys(inputs), tensors_and_keys(outputs)
        return cls(begin, end, input_keys, output_keys)

    def _flattened(self) -> tuple[list[GraphCall], tuple[int, ...]]:
        value = {id(tensor): number for number, tensor in enumerate(self.inputs)}
        first = len(self.inputs)
        calls: list[GraphCall] = []
        for node in self.nodes:
            if not node.inputs:
                continue
            read = tuple(value[id(tensor)] for tensor in node.inputs)
            more, outputs = expanded(node.layer, read, first, node.initial_states)
            calls += more
            first += sum(len(each.outputs) for each in more)
            value |= {id(tensor): number for tensor, number in zip(node.outputs, outputs, strict=True)}
        return calls, tuple(value[id(tensor)] for tensor in self.results)

    @property
    def layers(self) -> list[Any]:
        return self._layers

    @property
    def calls(self) -> list[GraphCall]:
        return self._calls

    @property
    def outputs(self) -> tuple[int, ...]:
        return self._outputs

    @property
    def input_shapes(self) -> list[Shape | None]:
        return [tensor.sizes for tensor in self.inputs]

    @property
    def batch_size(self) -> int | None:
        return next((tensor.batch_size for tensor in self.inputs if tensor.batch_size is not None), None)

    @property
    def input_names(self) -> list[str]:
        return self.input_keys or [tensor.name for tensor in self.inputs]

    @property
    def output_names(self) -> list[str]:
        return self.output_keys or _distinct([tensor.name for tensor in self.results])

    def shapes_by_layer(self, inputs: Shapes) -> dict[Any, Shape]:
        found: dict[Any, Shape] = {}
        for node in self.nodes:
            found.setdefault(node.layer, node.outputs[0].sizes)
        return found

    def build(self, given: Shape | None, random: np.random.Generator) -> None:
        self.build_layers([tensor.sizes for tensor in self.inputs], random)

    def __getstate__(self) -> Config:
        """Layers as they are, and the calls in numbers: tensors hang together in chains too long to be followed."""
        return {"layers": self._layers, **self._connections()}

    def __setstate__(self, state: Config) -> None:
        self._connect(state["layers"], state)

    def get_config(self) -> Config:
        """Layers, the calls of them, and which tensors go in and come out.

        A tensor is [number of its call, number of the output]; a call names its layer and its inputs.
        """
        self.check_owners()
        return {"layers": entries_of(self._layers), **self._connections()}

    def _connections(self) -> Config:
        number = {id(node): place for place, node in enumerate(self.nodes)}

        def place(tensor: SymbolicTensor) -> list[int]:
            return [number[id(tensor.call)], tensor.index]

        return {
            "calls": [
                {
                    "layer": node.layer.name,
                    "inputs": [place(tensor) for tensor in node.inputs],
                    **({"initial_states": node.initial_states} if node.initial_states else {}),
                }
                for node in self.nodes
            ],
            "inputs": [place(tensor) for tensor in self.inputs],
            "outputs": [place(tensor) for tensor in self.results],
            **({"input_keys": self.input_keys} if self.input_keys else {}),
            **({"output_keys": self.output_keys} if self.output_keys else {}),
        }

    @classmethod
    def from_config(cls, config: Config) -> "FunctionalGraph":
        """Fresh layers, called as what get_config returned says."""
        graph = cls.__new__(cls)
        graph._connect(layers_from_entries(config["layers"]), config)
        return graph

    def _connect(self, layers: list[Any], config: Config) -> None:
        by_name = {layer.name: layer for layer in layers}
        made: list[tuple[SymbolicTensor, ...]] = []

        def tensor(place: list[int]) -> SymbolicTensor:
            return made[place[0]][place[1]]

        for entry in config["calls"]:
            layer, read = by_name[entry["layer"]], [tensor(place) for place in entry["inputs"]]
            if not read:
                made.append(layer.begin())
                continue
            split = len(read) - entry.get("initial_states", 0)
            given = call(layer, read[:split], read[split:] or None)
            made.append(tuple(given) if isinstance(given, list) else (given,))
        inputs, outputs = ([tensor(place) for place in config[key]] for key in ("inputs", "outputs"))
        FunctionalGraph.__init__(self, inputs, outputs, config.get("input_keys"), config.get("output_keys"))
        if {id(layer) for layer in layers} == {id(layer) for layer in self._layers}:
            self._layers = list(layers)  # as Keras ordered them, where a file says


def tensors_and_keys(value: Any) -> tuple[list[Any], list[str] | None]:
    """Tensors given one by one, as a list or as a dict, and the dict's keys."""
    if isinstance(value, Mapping):
        return list(value.values()), [str(key) for key in value]
    return (list(value) if isinstance(value, list | tuple) else [value]), None


def _in_order(inputs: Sequence[SymbolicTensor], outputs: Sequence[SymbolicTensor]) -> tuple[list[Call], list[Any]]:
    """The calls between tensors, and the layers called, both in the order that Keras 3 gives them.

    A call is the deeper the more calls come after it on the longest way to an output, and all calls of a layer are as
    deep as its deepest; deeper ones come first, of equally deep ones those that a walk from the outputs meets first.
    """
    finished, first_met = _walked(inputs, outputs)
    depth_of_call: dict[int, int] = {}
    depth_of_layer: dict[int, int] = {}
    for node in reversed(finished):
        depth = max(depth_of_call.get(id(node), 0), depth_of_layer.get(id(node.layer), 0))
        depth_of_call[id(node)] = depth_of_layer[id(node.layer)] = depth
        for tensor in node.inputs:
            below = id(tensor.call)
            depth_of_call[below] = max(depth + 1, depth_of_call.get(below, 0))
    for tensor in inputs:  # which nothing may depend on
        if id(tensor.call) not in depth_of_call:
            finished.append(tensor.call)
            depth_of_call[id(tensor.call)] = depth_of_layer[id(tensor.call.layer)] = 0
            first_met[id(tensor.call.layer)] = -1
    layers = {id(node.layer): node.layer for node in finished}
    in_keras_order = sorted(layers.values(), key=lambda layer: (-depth_of_layer[id(layer)], first_met[id(layer)]))
    # Where one layer is called twice its first call may have to come before calls that are as deep.
    begun = [node for node in finished if not node.inputs]
    return [*begun, *(node for node in finished if node.inputs)], in_keras_order


def _walked(inputs: Sequence[SymbolicTensor], outputs: Sequence[SymbolicTensor]) -> tuple[list[Call], dict[int, int]]:
    """Calls, each after those that it depends on; and by a layer's id when a walk from the outputs first met it."""
    given = {id(tensor) for tensor in inputs}
    finished: list[Call] = []
    done: set[int] = set()
    first_met: dict[int, int] = {}
    for output in outputs:
        stack: list[tuple[SymbolicTensor, int]] = [(output, 0)]
        while stack:
            tensor, at = stack.pop()
            node = tensor.call
            if id(node) in done:
                continue
            first_met.setdefault(id(node.layer), len(first_met))
            if not node.inputs and id(tensor) not in given:
                raise ValueError(
                    f"inputs: the outputs depend on {node.layer.name!r}, an Input that is not among the model's inputs"
                )
            if at < len(node.inputs):
                stack += [(tensor, at + 1), (node.inputs[at], 0)]
            else:
                done.add(id(node))
                finished.append(node)
    return finished, first_met


def _number_names(layers: list[Any]) -> None:
    """Give layers names that differ: those with a name of their own, or built under theirs, keep it."""
    kept = [layer for layer in layers if layer.given_name is not None or (isinstance(layer, Layer) and layer.weights)]
    taken: set[str] = set()
    for layer in kept:
        if layer.name in taken:
            raise ValueError(f"name: two layers are called {layer.name!r}; give one of them another name=")
        taken.add(layer.name)
    for layer in layers:
        if any(layer is other for other in kept):
            continue
        base, number = layer.name, 0
        while layer.name in taken:
            number += 1
            layer.name = f"{base}_{number}"
        taken.add(layer.name)


def _distinct(names: list[str]) -> list[str]:
    """The names, those that come again numbered."""
    found: list[str] = []
    for base in names:
        name, number = base, 0
        while name in found:
            number += 1
            name = f"{base}_{number}"
        found.append(name)
    return found
