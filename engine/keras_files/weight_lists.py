"""The numbers of a Keras file, in Keras 2's and 3's shapes and order, whatever file they came from."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.layers import BatchNormalization, Conv3D, ConvLSTM2D, Layer

Array = np.ndarray[Any, Any]


@dataclass
class WeightLists:
    """Attributes:
    layers: for each layer that has weights, its arrays in Keras' order.
    accumulators: for each layer, one pair (gradient, delta) of Adadelta for each trainable array; None where the file
        has none.
    true_gates: by the number of a layer in `layers`: the gates that the layer has here, where the file had to hold
        other ones with scaled weights (see gates.py).
    iterations: updates that the optimizer has made.
    """

    layers: list[list[Array]]
    accumulators: list[list[tuple[Array, Array]]] | None = None
    true_gates: dict[int, str] = field(default_factory=dict)
    iterations: int = 0


def trainable_count(arrays: list[Array]) -> int:
    """How many of a layer's arrays are trained: BatchNormalization is known by its four vectors."""
    return 2 if len(arrays) == 4 and all(array.ndim == 1 for array in arrays) else len(arrays)


def count_of_updates(slots: list[Array]) -> int:
    """The optimizer's iteration among its arrays as a file lists them; 0 where an old file has none."""
    return next((int(slot) for slot in slots if slot.ndim == 0 and slot.dtype.kind in "iu"), 0)


def pair_by_layer(
    layers: list[list[Array]], slots: list[Array], interleaved: bool
) -> list[list[tuple[Array, Array]]] | None:
    """Adadelta's arrays as a file lists them, by layer; None if they do not fit the layers.

    Args:
        layers: the weights.
        slots: the iteration and the learning rate, or one of them, or neither; then two arrays a trainable weight.
        interleaved: gradient, delta, gradient, delta, ... (Keras 3, tf.keras 2.11 and later); else all gradient
            accumulators come first (earlier ones).
    """
    slots = [slot for slot in slots if slot.ndim > 0]
    trained = [array.shape for arrays in layers for array in arrays[: trainable_count(arrays)]]
    gradients, deltas = (slots[0::2], slots[1::2]) if interleaved else (slots[: len(trained)], slots[len(trained) :])
    if not [slot.shape for slot in gradients] == [slot.shape for slot in deltas] == trained:
        return None
    pairs = iter(zip(gradients, deltas, strict=True))
    return [[next(pairs) for _ in range(trainable_count(arrays))] for arrays in layers]


def expected_shapes(layer: Layer, channels: int) -> list[tuple[int, ...]]:
    """The shapes of a layer's weights for inputs with this many channels, without building it."""
    if isinstance(layer, ConvLSTM2D):
        gates = 4 * layer.filters
        return [(*layer.kernel_size, channels, gates), (*layer.kernel_size, layer.filters, gates), (gates,)]
    if isinstance(layer, BatchNormalization):
        return [(channels,)] * 4
    if isinstance(layer, Conv3D):
        return [(*layer.kernel_size, channels, layer.filters), (layer.filters,)]
    raise ValueError(f"layer {layer.name!r}: {type(layer).__name__} is not offered in Keras files")


def check_shapes(layers: list[Layer], weights: WeightLists, channels: int | None) -> int:
    """Refuse arrays that do not fit the architecture, before memory for that architecture is asked for.

    Returns the network's input channels: `channels`, or where None what the first array says.
    """
    if len(layers) != len(weights.layers):
        raise ValueError(f"its architecture has {len(layers)} layers with weights, its weights are of "
                         f"{len(weights.layers)}")  # fmt: skip
    if channels is None:
        first = weights.layers[0][0]
        channels = first.shape[-2] if first.ndim > 1 else first.shape[0]
    deepest = channels
    for layer, arrays in zip(layers, weights.layers, strict=True):
        expected = expected_shapes(layer, deepest)
        got = [array.shape for array in arrays]
        if got != expected:
            raise ValueError(f"layer {layer.name!r}: expected weights of shapes {expected}, got {got}")
        deepest = getattr(layer, "filters", deepest)
    return channels
