"""The numbers of a Keras file, in Keras 2's and 3's shapes and order, whatever file they came from."""

from dataclasses import dataclass, field, replace
from typing import Any

from engine.layers import Layer
from engine.optimizers import OPTIMIZERS
from kernels.arrays import HostArray

Slots = tuple[HostArray, ...]
"""What an optimizer keeps for one weight, in the order of Optimizer.slots."""


@dataclass
class WeightLists:
    """Attributes:
    layers: for each layer, its arrays in Keras' order.
    slots: for each layer, the optimizer's arrays for each trained array; None where the file has none that fit.
    true_gates: by the number of a layer: the gates that the layer has here, where the file had to hold
        other ones with scaled weights (see gates.py).
    iterations: updates that the optimizer has made.
    """

    layers: list[list[HostArray]]
    slots: list[list[Slots]] | None = None
    true_gates: dict[int, str] = field(default_factory=dict)
    iterations: int = 0

    def copy(self) -> "WeightLists":
        """Lists of its own, to change layer by layer; the arrays are the same, no gates are marked."""
        return replace(self, layers=list(self.layers), slots=self.slots and list(self.slots), true_gates={})


def trained_count(layer: Layer, arrays: list[HostArray]) -> int:
    """How many of a layer's arrays in a file are trained, which are the first ones."""
    if not layer.trainable:
        return 0
    return max(len(arrays) - len(layer.untrained), 0)


def count_of_updates(arrays: list[HostArray]) -> int:
    """The optimizer's iteration among its arrays as a file lists them; 0 where an old file has none."""
    return next((int(array) for array in arrays if array.ndim == 0 and array.dtype.kind in "iu"), 0)


def side_by_side(optimizer: object) -> bool:
    """Whether the first two slots of a weight are neighbours in files of Keras 3 and late tf.keras, by a name."""
    try:
        cls = OPTIMIZERS.find(str(optimizer).replace("_", "").removeprefix("Custom>"))
    except ValueError:
        return True
    return bool(cls.slots_side_by_side)


def slots_by_layer(
    trained: list[list[HostArray]], arrays: list[HostArray], interleaved: bool
) -> list[list[Slots]] | None:
    """The optimizer's arrays as a file lists them, by layer and weight; None if they do not fit the weights.

    Args:
        trained: for each layer, its trained arrays.
        arrays: the iteration, the learning rate, or neither; then one to three for each trained array. Keras 2.3's Adam
            fills up with arrays of one number where it has no amsgrad.
        interleaved: the first two slots of a weight stand side by side, and the third ones of all come after them
            (Keras 3, tf.keras 2.11 and later); else all first slots come first, then all second ones (earlier ones).
    """
    shapes = [array.shape for layer in trained for array in layer]
    arrays = [array for array in arrays if array.ndim > 0]
    weights = len(shapes)
    if weights and len(arrays) == 3 * weights and all(array.shape == (1,) for array in arrays[2 * weights :]):
        arrays = arrays[: 2 * weights]
    if not weights or not arrays or len(arrays) % weights:
        return None
    count = len(arrays) // weights
    columns = [arrays[number * weights : (number + 1) * weights] for number in range(count)]
    if interleaved and count > 1:
        columns[:2] = [arrays[0 : 2 * weights : 2], arrays[1 : 2 * weights : 2]]
    if any([array.shape for array in column] != shapes for column in columns):
        return None
    of_weights = iter(zip(*columns, strict=True))
    return [[next(of_weights) for _ in layer] for layer in trained]


def listed(slots: list[list[Any]], interleaved: bool) -> list[Any]:
    """The inverse: what belongs to the slots of each weight, arrays or their names, in the order of a file."""
    columns = list(zip(*(slot for layer in slots for slot in layer), strict=True))
    if interleaved and len(columns) > 1:
        pairs = zip(*columns[:2], strict=True)
        return [*(array for pair in pairs for array in pair), *(array for column in columns[2:] for array in column)]
    return [array for column in columns for array in column]
