"""hard_sigmoid is clip(0.2 x + 0.5, 0, 1) in Keras 1 and 2, and clip(x/6 + 0.5, 0, 1) in Keras 3, under one name.

A file for one Keras can still hold a layer of the other kind exactly, with no code of its own:

    clip(s x + 0.5, 0, 1) = clip(t (s/t x) + 0.5, 0, 1)

so the i, f and o blocks of kernel, recurrent_kernel and bias, multiplied by s/t, make a layer with slope t of a layer
with slope s. Such layers are marked in the file, and reading a marked file divides them again.

The optimizer's state follows, each slot by the power that kernels.updates has for it. The gradient of a weight r times
as large is 1/r times as large: slots that hold gradients are divided by r, mean squares of them by r^2; what moves the
weight, SGD's momentum, is multiplied by r, and Adadelta's mean square of updates by r^2. Training on in the other Keras
is then not the same: Adadelta's differs by its epsilon, which does not scale, the others' by their learning rate, and
penalties and norms see the scaled weights.
"""

import warnings

import numpy as np

from engine.files.keras.weights import Array, WeightLists
from engine.layers import ConvLSTM2D, Layer
from engine.optimizers.base import Optimizer
from kernels.activations import HARD_SIGMOID_SLOPE

HARD_SIGMOID_OF_KERAS = {1: "hard_sigmoid", 2: "hard_sigmoid", 3: "hard_sigmoid_keras3"}
"""By the major version of Keras, the engine's name of what that Keras calls hard_sigmoid."""


def ratio(gates: str, keras: int) -> float:
    """What the i, f and o blocks of a layer with these gates are multiplied by in a file for this Keras."""
    if gates not in HARD_SIGMOID_SLOPE:
        return 1.0
    return HARD_SIGMOID_SLOPE[gates] / HARD_SIGMOID_SLOPE[HARD_SIGMOID_OF_KERAS[keras]]


def to_file(layers: list[Layer], weights: WeightLists, keras: int, optimizer: Optimizer | None) -> WeightLists:
    """The weights as a file for this Keras must hold them, with true_gates filled in; warns where they are scaled."""
    scaled = weights.copy()
    for number, layer in enumerate(layers):
        if isinstance(layer, ConvLSTM2D) and (factor := ratio(layer.recurrent_activation, keras)) != 1.0:
            scaled.true_gates[number] = layer.recurrent_activation
            _scale_layer(scaled, number, factor, optimizer)
    if scaled.true_gates:
        first = layers[min(scaled.true_gates)]
        assert isinstance(first, ConvLSTM2D)
        warnings.warn(
            f"layer {first.name!r}: Keras {keras} has another function under the name hard_sigmoid than this layer's "
            f"{first.recurrent_activation!r}. The file holds its gates' weights times "
            f"{ratio(first.recurrent_activation, keras):.4g}, which Keras {keras} predicts the same with; reading it "
            "here undoes that. Training on in Keras differs: by what Adadelta's epsilon does to scaled weights, with "
            "other optimizers by their learning rate, and by what penalties and norms see",
            stacklevel=6,
        )
    return scaled


def from_file(
    weights: WeightLists, keras: int, optimizer: Optimizer | None, keep: set[int] | None = None
) -> WeightLists:
    """Undo to_file for the layers that the file marks, but those in `keep` (numbers in weights.layers)."""
    plain = weights.copy()
    for number, gates in weights.true_gates.items():
        if number not in (keep or ()):
            _scale_layer(plain, number, 1.0 / ratio(gates, keras), optimizer)
    return plain


def _scale_layer(weights: WeightLists, number: int, factor: float, optimizer: Optimizer | None) -> None:
    weights.layers[number] = [_scaled(array, factor) for array in weights.layers[number]]
    if weights.slots is not None and optimizer is not None:
        kept = optimizer.update_spec().slots
        weights.slots[number] = [
            tuple(_scaled(array, factor**slot.power) for array, slot in zip(slots, kept, strict=False))
            for slots in weights.slots[number]
        ]


def _scaled(array: Array, factor: float) -> Array:
    """array (..., 4F) with its blocks i, f and o, but not the candidate's, multiplied."""
    filters = array.shape[-1] // 4
    factors = np.full(array.shape[-1], factor)
    factors[2 * filters : 3 * filters] = 1.0
    return (array * factors).astype(array.dtype)
