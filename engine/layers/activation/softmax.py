"""Softmax: scores to shares of a whole, over one axis."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.layers.activation.activation_layer import ActivationLayer, BoundActivation
from engine.layers.keras_form import KerasForm
from engine.layers.layer import WIDE, BoundLayer, Narrow
from engine.layers.permuted import PermutedLayer
from engine.layers.weight import Shape, time_major
from engine.support.validation import integer
from kernels import Backend
from kernels.activations import SOFTMAX
from kernels.arrays import Array
from kernels.operations import ConvLSTM

_OF_TIME = (1, -4)
"""The axis of time, in movies (N,T,H,W,C)."""


class Softmax(ActivationLayer):
    """y = exp(x) / sum(exp(x)), the sum over one axis.

    Args:
        axis: over which it adds up to 1, as Keras counts, that of the movies being 0 (default -1, the last); any but 0.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    keras_form = KerasForm("Softmax", groups=("softmax",))

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape, batch_input_shape, trainable)
        if isinstance(axis, Sequence) and len(axis) == 1:
            axis = axis[0]
        self.axis = integer("axis", axis, -4)
        if self.axis == 0:
            raise ValueError("axis: expected one within a movie, got 0, which is that of the movies")

    @property
    def as_activation(self) -> str:
        """softmax; a layer over another axis than the last is no activation of another layer. Raises ValueError."""
        if self.axis != -1:
            raise ValueError(f"axis: expected -1 for the activation of another layer, got {self.axis}; add the layer")
        return SOFTMAX

    @property
    def activation_name(self) -> str:
        return SOFTMAX if self.axis == -1 else f"{SOFTMAX} over axis {self.axis}"

    @property
    def can_stream(self) -> bool:
        return self.axis not in _OF_TIME

    @property
    def looks_ahead(self) -> bool:
        return self.axis in _OF_TIME

    def output_shape(self, shape: Shape) -> Shape:
        self._place(len(shape))
        return shape

    def bind(
        self,
        backend: Backend,
        shape: tuple[int, ...],
        batch: int,
        training: bool,
        logits: bool = False,
        narrow: Narrow = WIDE,
        source: ConvLSTM[Array] | None = None,
    ) -> BoundLayer:
        x_shape = time_major(shape, batch)
        place = self._place(len(shape)) + (4 - len(shape))
        axis = place + 1 if place else 0  # in time-major arrays movies have axis 1
        if axis == 4:
            return BoundActivation(backend, "linear" if logits else SOFTMAX, x_shape)
        into = (*(other for other in range(5) if other != axis), axis)
        out = tuple(int(other) for other in np.argsort(into))
        inner_shape = tuple(x_shape[other] for other in into)
        return PermutedLayer(backend, BoundActivation(backend, SOFTMAX, inner_shape), into, out, x_shape, inner_shape)

    def get_config(self) -> dict[str, Any]:
        return {"axis": self.axis, **super().get_config()}

    def _place(self, rank: int) -> int:
        """Where the axis stands in a shape without movies."""
        place = self.axis - 1 if self.axis > 0 else self.axis + rank
        if not 0 <= place < rank:
            raise ValueError(f"axis: expected 1 to {rank}, or -{rank} to -1, for its input; got {self.axis}")
        return place
