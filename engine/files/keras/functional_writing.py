"""The connections of a graph in Keras' words: the calls of each layer, "inbound_nodes" (see functional.py)."""

from typing import Any

from engine.graph.functional import FunctionalGraph
from engine.layers.symbolic import Call, SymbolicTensor

Config = dict[str, Any]


def functional_ends(graph: FunctionalGraph) -> Config:
    """input_layers and output_layers; dicts where the model's are."""
    ends = {
        "input_layers": (graph.inputs, graph.input_keys),
        "output_layers": (graph.results, graph.output_keys),
    }
    found: Config = {}
    for key, (tensors, names) in ends.items():
        places = [_place(graph, tensor) for tensor in tensors]
        found[key] = places if names is None else dict(zip(names, places, strict=True))
    return found


def functional_entries(graph: FunctionalGraph, layer: Any, entries: list[Config], keras: int) -> list[Config]:
    """A layer's entries with its calls; where Keras has several layers for it, the first take the inputs."""
    calls = [node for node in graph.nodes if node.layer is layer]
    names = [entry["config"]["name"] for entry in entries]
    made = []
    for number, (entry, name) in enumerate(zip(entries, names, strict=True)):
        if number:
            before = names[number - 1]
            shapes = [call.inputs[0].shape for call in calls]  # frames before the first: known by none that reads it
            nodes = [_node([[before, at, 0]], [shape], 0, keras) for at, shape in enumerate(shapes)]
        else:
            nodes = [_of_call(graph, call, keras) for call in calls if call.inputs]
        made.append({**entry, "name": name, "inbound_nodes": nodes})
    return made


def _of_call(graph: FunctionalGraph, call: Call, keras: int) -> Any:
    places = [_place(graph, tensor) for tensor in call.inputs]
    return _node(places, [tensor.shape for tensor in call.inputs], call.initial_states, keras)


def _node(places: list[list[Any]], shapes: list[tuple[int | None, ...]], states: int, keras: int) -> Any:
    count = len(places) - states
    if keras == 2:
        keywords = {"initial_state": places[count:]} if states else {}
        return [[*place, keywords if number == 0 else {}] for number, place in enumerate(places[:count])]
    tensors = [
        {
            "class_name": "__keras_tensor__",
            "config": {"shape": list(shape), "dtype": "float32", "keras_history": place},
        }
        for place, shape in zip(places, shapes, strict=True)
    ]
    args = tensors[0] if count == 1 else tensors[:count]
    return {"args": [args], "kwargs": {"initial_state": tensors[count:]} if states else {}}


def _place(graph: FunctionalGraph, tensor: SymbolicTensor) -> list[Any]:
    """[layer, call, output]: calls of a layer are numbered in the order of the graph."""
    calls = [node for node in graph.nodes if node.layer is tensor.call.layer]
    number = next(at for at, node in enumerate(calls) if node is tensor.call)
    return [tensor.call.layer.name, number, tensor.index]
