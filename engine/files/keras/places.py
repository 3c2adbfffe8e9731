"""Where a network's layers keep their arrays in Keras 3's HDF5 tree, and in whose group in Keras 2's."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from engine.files.keras.forms import form_of
from engine.graph.graph import Graph
from engine.layers import Layer
from engine.layers.keras_form import KerasForm


@dataclass(frozen=True)
class Part:
    """A group of arrays.

    Attributes:
        layer: whose arrays they are.
        paths: of the layer's group, the first of which is written, all are read.
        form: of the layer.
    """

    layer: Layer
    paths: tuple[str, ...]
    form: KerasForm

    @property
    def below(self) -> str:
        """Where the arrays lie in the layer's group."""
        return "vars" if self.form.cell is None else f"{self.form.cell[0]}/vars"


@dataclass(frozen=True)
class Place:
    """A layer of a network, and where its arrays are.

    Attributes:
        layer: which has the weights, in the order of the parts.
        top: number of the layer or model among the network's own that it stands in.
        parts: more than one where the layer is made of others.
    """

    layer: Layer
    top: int
    parts: tuple[Part, ...]


def places_of(graph: Graph) -> list[Place]:
    """The places of Graph.leaves, in their order."""
    found: dict[Layer, Place] = {}
    for top, (layer, paths) in enumerate(zip(graph.layers, _groups(graph, ("layers",)), strict=True)):
        for leaf, parts in _leaves(layer, paths):
            found.setdefault(leaf, Place(leaf, top, tuple(parts)))
    return list(found.values())


def _leaves(layer: Any, paths: tuple[str, ...]) -> Iterator[tuple[Layer, list[Part]]]:
    """Every layer with weights of its own in a layer or model whose group has these paths."""
    wrapped = isinstance(layer, Layer) and layer.model is not None
    if isinstance(layer, Layer) and not wrapped:
        yield layer, list(_parts(layer, paths))
        return
    graph = layer.model.graph if wrapped else layer.graph
    inner = tuple(f"{path}/layer" for path in paths) if wrapped else paths
    below = _groups(graph, tuple(f"{path}/layers" for path in inner))
    for each, group in zip(graph.layers, below, strict=True):
        for leaf, parts in _leaves(each, group):
            yield (layer.wrapping(leaf) if wrapped else leaf), parts


def _parts(layer: Layer, paths: tuple[str, ...]) -> Iterator[Part]:
    if layer.is_input:
        return
    form = form_of(layer)
    if not form.inner:
        yield Part(layer, paths, form)
    for name in form.inner:
        yield from _parts(getattr(layer, name), tuple(f"{path}/{name}" for path in paths))


def _groups(graph: Graph, trees: Sequence[str]) -> list[tuple[str, ...]]:
    """The paths of each layer's group: the class in Keras' spelling, numbered, in any of these trees."""
    seen = Counter[str]()
    found = []
    for layer in graph.layers:
        *before, names = class_groups(layer)
        seen.update(first[0] for first in before)
        number = seen[names[0]]
        seen[names[0]] += 1
        found.append(tuple(f"{tree}/{_numbered(name, number)}" for tree in trees for name in names))
    return found


def class_groups(layer: Any) -> list[tuple[str, ...]]:
    """The names that groups of a layer's classes may have; of those that are parts of it in Keras first."""
    if not isinstance(layer, Layer):
        kind = "sequential" if layer.graph_kind == "Sequential" else "functional"
        return [(kind, "model") if kind == "functional" else (kind,)]
    if layer.is_input:
        return [("input_layer",)]
    form = form_of(layer)
    plain = {"name": layer.name, "trainable": True, "dtype": "float32", **layer.get_config()}
    return [each.groups for each, _ in layer.to_keras(plain)] if not form.inner else [form.groups]


def _numbered(name: str, number: int) -> str:
    return f"{name}_{number}" if number else name
