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

from engine.files.keras.forms import form_of
from engine.files.keras.weights import WeightLists
from engine.layers import Layer
from engine.layers.activation_text import checked_activation
from engine.optimizers.base import Optimizer
from kernels.activations import HARD_SIGMOID_SLOPE
from kernels.arrays import HostArray

HARD_SIGMOID_OF_KERAS = {1: "hard_sigmoid", 2: "hard_sigmoid", 3: "hard_sigmoid_keras3"}
"""By the major version of Keras, the engine's name of what that Keras calls hard_sigmoid."""


def gates_of(layer: Layer) -> str:
    """The activation of the layer's gates, or of those of the first layer inside it that has any; "" without gates."""
    return next((str(getattr(each, argument)) for each, argument in _gated(layer)), "")


def set_gates(layer: Layer, activation: str) -> None:
    """Give a layer's gates another activation; ValueError: it has no gates."""
    found = _gated(layer)
    if not found:
        raise ValueError(f"it marks the gates of layer {layer.name!r}, which has none")
    for each, argument in found:
        setattr(each, argument, checked_activation(argument, activation))


def _gated(layer: Layer) -> list[tuple[Layer, str]]:
    """The layer, or those inside it, that have gates, each with the argument that names their activation."""
    if layer.is_input:
        return []
    form = form_of(layer)
    if form.inner:
        return [found for name in form.inner for found in _gated(getattr(layer, name))]
    return [] if form.gate_argument is None else [(layer, form.gate_argument)]


def ratio(gates: str, keras: int) -> float:
    """What the gates' blocks of a layer with this activation are multiplied by in a file for this Keras."""
    if gates not in HARD_SIGMOID_SLOPE:
        return 1.0
    return HARD_SIGMOID_SLOPE[gates] / HARD_SIGMOID_SLOPE[HARD_SIGMOID_OF_KERAS[keras]]


def to_file(layers: list[Layer], weights: WeightLists, keras: int, optimizer: Optimizer | None) -> WeightLists:
    """The weights as a file for this Keras must hold them, with true_gates filled in; warns where they are scaled."""
    scaled = weights.copy()
    for number, layer in enumerate(layers):
        _check_alike(layer)
        if (factor := ratio(gates_of(layer), keras)) != 1.0:
            scaled.true_gates[number] = gates_of(layer)
            _scale_layer(scaled, number, layer, factor, optimizer)
    if scaled.true_gates:
        first = layers[min(scaled.true_gates)]
        warnings.warn(
            f"layer {first.name!r}: Keras {keras} has another function under the name hard_sigmoid than this layer's "
            f"{gates_of(first)!r}. The file holds its gates' weights times "
            f"{ratio(gates_of(first), keras):.4g}, which Keras {keras} predicts the same with; reading it "
            "here undoes that. Training on in Keras differs: by what Adadelta's epsilon does to scaled weights, with "
            "other optimizers by their learning rate, and by what penalties and norms see",
            stacklevel=6,
        )
    return scaled


def from_file(
    layers: list[Layer], weights: WeightLists, keras: int, optimizer: Optimizer | None, keep: set[int] | None = None
) -> WeightLists:
    """Undo to_file for the layers that the file marks, but those in `keep` (numbers of layers)."""
    plain = weights.copy()
    for number, gates in weights.true_gates.items():
        if number not in (keep or ()):
            _scale_layer(plain, number, layers[number], 1.0 / ratio(gates, keras), optimizer)
    return plain


def _check_alike(layer: Layer) -> None:
    """Refuse gates of several kinds inside one layer where some are hard: a file marks them all as one kind."""
    kinds = sorted({str(getattr(each, argument)) for each, argument in _gated(layer)})
    if len(kinds) > 1 and not HARD_SIGMOID_SLOPE.keys().isdisjoint(kinds):
        raise ValueError(
            f"layer {layer.name!r}: its layers have gates of the kinds {', '.join(kinds)}, which no Keras file keeps "
            "apart; give them one recurrent_activation, or save .safetensors"
        )


def _scale_layer(weights: WeightLists, number: int, layer: Layer, factor: float, optimizer: Optimizer | None) -> None:
    factors = [factor if scaled else 1.0 for scaled in form_of(_gated(layer)[0][0]).scaled_gates]
    weights.layers[number] = [_scaled(array, factors) for array in weights.layers[number]]
    if weights.slots is not None and optimizer is not None:
        kept = optimizer.update_spec().slots
        weights.slots[number] = [
            tuple(
                _scaled(array, [each**slot.power for each in factors]) for array, slot in zip(slots, kept, strict=False)
            )
            for slots in weights.slots[number]
        ]


def _scaled(array: HostArray, factors: list[float]) -> HostArray:
    """array (..., gates * F) with the block of each gate multiplied."""
    by_channel = np.repeat(factors, array.shape[-1] // len(factors))
    return (array * by_channel).astype(array.dtype)
