"""Which arrays an architecture asks for, said before anything of that size is built."""

from engine.files.keras.weights import WeightLists
from engine.layers import Layer
from engine.layers.weight import Shape


def check_shapes(layers: list[Layer], weights: WeightLists, known: Shape | None) -> Shape:
    """Refuse arrays that do not fit the architecture, before memory for that architecture is asked for.

    Returns the shape of the network's input: `known`, or where None one of any size with as many channels as the first
    array says.
    """
    shape = known = known or _from_weights(layers, weights)
    for layer, arrays in zip(layers, weights.layers, strict=True):
        try:
            expected, shape = layer.weight_shapes(shape), layer.output_shape(shape)
        except ValueError as error:
            raise ValueError(f"layer {layer.name!r}: {error}") from None
        got = [array.shape for array in arrays]
        if got != expected:
            raise ValueError(f"layer {layer.name!r}: expected weights of shapes {expected}, got {got}")
    return known


def _from_weights(layers: list[Layer], weights: WeightLists) -> Shape:
    """Input of any size that the first layer with weights takes."""
    for layer, arrays in zip(layers, weights.layers, strict=True):
        if arrays:
            return layer.shape_for_weights([array.shape for array in arrays])
    raise ValueError("it does not say the shape of its input, and has no weights to tell it by")
