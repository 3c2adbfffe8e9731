"""Which arrays an architecture asks for, said before anything of that size is built."""

from engine.files.keras.weights import WeightLists
from engine.layers import BatchNormalization, Conv3D, ConvLSTM2D, Layer
from engine.layers.weight import Shape


def expected_shapes(layer: Layer, shape: Shape) -> list[tuple[int, ...]]:
    """The shapes of a layer's weights for an input of this shape, without building it."""
    channels = layer.channels(shape)
    if isinstance(layer, ConvLSTM2D):
        gates = 4 * layer.filters
        kernels = [(*layer.kernel_size, channels, gates), (*layer.kernel_size, layer.filters, gates)]
        return [*kernels, *([(gates,)] if layer.use_bias else [])]
    if isinstance(layer, BatchNormalization):
        return [(channels,)] * (2 + layer.scale + layer.center)
    if isinstance(layer, Conv3D):
        kernel = (*layer.kernel_size, channels // layer.groups, layer.filters)
        return [kernel, *([(layer.filters,)] if layer.use_bias else [])]
    raise ValueError(f"layer {layer.name!r}: {type(layer).__name__} is not offered in Keras files")


def check_shapes(layers: list[Layer], weights: WeightLists, known: Shape | None) -> Shape:
    """Refuse arrays that do not fit the architecture, before memory for that architecture is asked for.

    Returns the shape of the network's input: `known`, or where None one of any size with as many channels as the first
    array says.
    """
    if len(layers) != len(weights.layers):
        raise ValueError(f"its architecture has {len(layers)} layers with weights, its weights are of "
                         f"{len(weights.layers)}")  # fmt: skip
    shape = known = known or _from_weights(layers[0], weights)
    for layer, arrays in zip(layers, weights.layers, strict=True):
        try:
            expected, shape = expected_shapes(layer, shape), layer.output_shape(shape)
        except ValueError as error:
            raise ValueError(f"layer {layer.name!r}: {error}") from None
        got = [array.shape for array in arrays]
        if got != expected:
            raise ValueError(f"layer {layer.name!r}: expected weights of shapes {expected}, got {got}")
    return known


def _from_weights(layer: Layer, weights: WeightLists) -> Shape:
    first = weights.layers[0][0]
    channels = first.shape[0] if first.ndim == 1 else first.shape[-2] * getattr(layer, "groups", 1)
    if getattr(layer, "data_format", "channels_last") == "channels_last":
        return None, None, None, channels
    return (channels, None, None, None) if isinstance(layer, Conv3D) else (None, channels, None, None)
