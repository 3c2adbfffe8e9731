"""A functional Keras model as a list of layers, if it is one chain from one input to one output."""

from typing import Any

Config = dict[str, Any]


def chain(body: Any) -> list[Config]:
    """The layers' entries in the order in which the data run through them, the InputLayer first.

    Raises ValueError: a layer with several inputs, a layer used twice, or several inputs or outputs of the model.
    """
    if not isinstance(body, dict) or not isinstance(body.get("layers"), list):
        raise ValueError("its description has no layers")
    entries = {entry["config"].get("name") or entry["name"]: entry for entry in body["layers"]}
    after: dict[str | None, str] = {}
    for name, entry in entries.items():
        source = _source(name, entry)
        if source in after:
            raise ValueError(f"layer {name!r}: expected a chain of layers, but {source or 'the input'!r} feeds "
                             f"{after[source]!r} too")  # fmt: skip
        after[source] = name
    order: list[Config] = []
    at = after.get(None)
    while at is not None and len(order) < len(entries):
        order.append(entries[at])
        at = after.get(at)
    if len(order) != len(entries) or at is not None or _last(body.get("output_layers")) != name_of(order[-1]):
        raise ValueError("model: expected a chain of layers from one input to one output")
    return order


def name_of(entry: Config) -> str:
    """The layer's name, which stands in one of two places."""
    return str(entry["config"].get("name") or entry["name"])


def _source(name: str, entry: Config) -> str | None:
    """The one layer that feeds this one; None for the input."""
    nodes = entry.get("inbound_nodes") or []
    if not nodes and entry["class_name"] == "InputLayer":
        return None
    if len(nodes) != 1:
        raise ValueError(f"layer {name!r}: expected to be used once, got {len(nodes)} times")
    node = nodes[0]
    if isinstance(node, dict):  # Keras 3: the arguments of the call
        tensors = [arg["config"]["keras_history"] for arg in node["args"]]
        if any(value not in (None, False) for value in node.get("kwargs", {}).values()):
            raise ValueError(
                f"layer {name!r}: expected to be called with its input alone, got {sorted(node['kwargs'])}"
            )
    else:
        tensors = node
    if len(tensors) != 1:
        raise ValueError(f"layer {name!r}: expected one input, got {len(tensors)}")
    if tensors[0][2] != 0:
        raise ValueError(f"layer {name!r}: expected the first output of {tensors[0][0]!r}")
    return str(tensors[0][0])


def _last(outputs: Any) -> Any:
    """The one output layer's name: [["conv3d", 0, 0]], or ["conv3d", 0, 0] in late Keras 3."""
    if not isinstance(outputs, list) or not outputs:
        return None
    if isinstance(outputs[0], str):
        return outputs[0]
    return outputs[0][0] if len(outputs) == 1 else None
