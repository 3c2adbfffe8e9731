"""The connections of a functional Keras model, as its JSON has them, in the words of engine/graph/functional.py.

A layer's entry lists the calls of it, "inbound_nodes", each with the tensors that went in: Keras 3 writes the call's
arguments as they were, Keras 2 [[[layer, call, output, {arguments}], ...], ...].
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Config = dict[str, Any]

Tensor = tuple[str, int, int]
"""A layer's name, which call of it, which output of that."""


@dataclass(frozen=True)
class KerasCall:
    """One call of a layer: what went in, and how many of it, the last ones, as initial_state."""

    layer: str
    number: int
    inputs: tuple[Tensor, ...]
    initial_states: int = 0


def connections(body: Any, stateful: set[str]) -> Config:
    """The calls, inputs and outputs of a model, as FunctionalGraph.get_config has them.

    Args:
        body: the model's "config", with "layers", "input_layers" and "output_layers".
        stateful: names of layers whose further inputs are initial states, where a file lists them as plain inputs.

    Raises ValueError: calls that read what no call gives.
    """
    calls = [call for entry in body["layers"] for call in _calls(entry, stateful)]
    placed: dict[tuple[str, int], int] = {}
    ordered: list[Config] = []
    waiting = calls
    while waiting:
        later = []
        for call in waiting:
            if all((name, number) in placed for name, number, _ in call.inputs):
                placed[call.layer, call.number] = len(ordered)
                read = [[placed[name, number], output] for name, number, output in call.inputs]
                states = {"initial_states": call.initial_states} if call.initial_states else {}
                ordered.append({"layer": call.layer, "inputs": read, **states})
            else:
                later.append(call)
        if len(later) == len(waiting):
            raise ValueError(f"layer {later[0].layer!r}: it reads what no layer gives, or what depends on itself")
        waiting = later

    def places(key: str) -> tuple[list[list[int]], list[str] | None]:
        tensors, keys = _ends(body.get(key), key)
        for name, number, _ in tensors:
            if (name, number) not in placed:
                raise ValueError(f"{key}: it has no call {number} of a layer {name!r}")
        return [[placed[name, number], output] for name, number, output in tensors], keys

    if body.get("input_layers") is None:
        body = {**body, "input_layers": [[call.layer, 0, 0] for call in calls if not call.inputs]}
    (inputs, input_keys), (outputs, output_keys) = places("input_layers"), places("output_layers")
    keys = {"input_keys": input_keys, "output_keys": output_keys}
    return {
        "calls": ordered,
        "inputs": inputs,
        "outputs": outputs,
        **{name: value for name, value in keys.items() if value is not None},
    }


def name_of(entry: Config) -> str:
    """The layer's name, which stands in one of two places."""
    return str(entry["config"].get("name") or entry["name"])


def _calls(entry: Config, stateful: set[str]) -> Iterator[KerasCall]:
    name = name_of(entry)
    nodes = entry.get("inbound_nodes") or []
    if entry["class_name"] == "InputLayer":
        yield KerasCall(name, 0, ())
        return
    if not isinstance(nodes, list) or not nodes:
        raise ValueError(f"layer {name!r}: it is called nowhere")
    for number, node in enumerate(nodes):
        inputs, states = _of_keras_3(name, node) if isinstance(node, dict) else _of_keras_2(name, node)
        if not inputs:
            raise ValueError(f"layer {name!r}: it is called on nothing")
        if not states and name in stateful and len(inputs) > 1:
            inputs, states = inputs[:1], inputs[1:]
        yield KerasCall(name, number, (*inputs, *states), len(states))


def _of_keras_3(name: str, node: Config) -> tuple[list[Tensor], list[Tensor]]:
    arguments = dict(node.get("kwargs") or {})
    states = list(_tensors(arguments.pop("initial_state", None)))
    positional = list(node.get("args") or [])
    inputs = list(_tensors(positional[:1] or arguments.pop("inputs", None)))
    for value in positional[1:]:  # initial_state may be given by position, training and mask too
        states += _tensors(value)
    foreign = [key for key, value in arguments.items() if key not in ("training", "mask") and value is not None]
    if foreign or arguments.get("mask") is not None:
        raise ValueError(f"layer {name!r}: expected to be called with its inputs alone, got {sorted(arguments)}")
    return inputs, states


def _tensors(value: Any) -> Iterator[Tensor]:
    """The tensors in an argument of a call, in order."""
    if isinstance(value, list | tuple):
        for each in value:
            yield from _tensors(each)
    elif isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        yield _tensor(value["config"]["keras_history"])
    elif isinstance(value, dict) and value.get("class_name") != "__keras_tensor__":
        raise ValueError(f"a call takes {str(value.get('class_name'))!r}, which is no tensor of a layer")


def _of_keras_2(name: str, node: Any) -> tuple[list[Tensor], list[Tensor]]:
    if node and isinstance(node[0], str):
        node = [node]
    inputs, states = [], []
    for each in node:
        inputs.append(_tensor(each[:3]))
        arguments = dict(each[3]) if len(each) > 3 else {}
        given = arguments.pop("initial_state", None) or []
        states += [_tensor(state) for state in ([given] if given and isinstance(given[0], str) else given)]
        foreign = [key for key, value in arguments.items() if key not in ("training", "mask") and value is not None]
        if foreign or arguments.get("mask") is not None:
            raise ValueError(f"layer {name!r}: expected to be called with its inputs alone, got {sorted(arguments)}")
    return inputs, states


def _tensor(place: Any) -> Tensor:
    name, number, output = place[:3]
    if type(number) is not int or type(output) is not int or number < 0 or output < 0:
        raise ValueError(f"expected a tensor [layer, call, output], got {place!r}")
    return str(name), number, output


def _ends(value: Any, key: str) -> tuple[list[Tensor], list[str] | None]:
    """The tensors of input_layers or output_layers: one, a list of them, or a dict."""
    if isinstance(value, dict):
        return [_tensor(place) for place in value.values()], [str(name) for name in value]
    if not isinstance(value, list) or not value:
        raise ValueError(f"its description has no {key}")
    return ([_tensor(value)] if isinstance(value[0], str) else [_tensor(place) for place in value]), None
