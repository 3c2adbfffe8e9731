"""Which arrays an architecture asks for, said before anything of that size is built."""

from engine.files.keras.weights import WeightLists
from engine.graph.graph import Graph
from engine.layers import Layer
from engine.layers.weight import Shape


def check_shapes(graph: Graph, weights: WeightLists) -> list[Shape]:
    """Refuse arrays that do not fit the architecture, before memory for that architecture is asked for.

    Returns the shapes of the network's inputs: as known, or where not of any size with as many channels as the first
    array says.
    """
    known = [shape for shape in graph.input_shapes if shape is not None]
    if len(known) < len(graph.input_shapes):
        known = [_from_weights(graph.leaves, weights)]
    got = {layer: [array.shape for array in arrays] for layer, arrays in zip(graph, weights.layers, strict=True)}
    shapes = list(known)
    for call in graph.calls:
        given = [shapes[value] for value in call.inputs]
        try:
            expected = call.layer.weight_shapes(given[0])
            shapes += call.layer.output_shapes(given)
        except ValueError as error:
            raise ValueError(f"layer {call.layer.name!r}: {error}") from None
        if got[call.layer] != expected:
            raise ValueError(f"layer {call.layer.name!r}: expected weights of shapes {expected}, got {got[call.layer]}")
    return known


def _from_weights(layers: list[Layer], weights: WeightLists) -> Shape:
    """Input of any size that the first layer with weights takes."""
    for layer, arrays in zip(layers, weights.layers, strict=True):
        if arrays:
            return layer.shape_for_weights([array.shape for array in arrays])
    raise ValueError("it does not say the shape of its input, and has no weights to tell it by")
