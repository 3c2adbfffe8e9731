"""Embedding: rows of a table by their numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.constraints import get_constraint
from engine.initializers import get_initializer
from engine.keras_objects import serialize, serialize_short
from engine.layers.keras_form import KerasForm
from engine.layers.layer import BoundLayer, Layer
from engine.layers.permuted import PermutedLayer
from engine.layers.weight import Shape, Weight, WeightSpec
from engine.regularizers import get_regularizer
from engine.support.validation import positive_int
from kernels import Backend
from kernels.arrays import Array, HostArray
from kernels.specs import LookupSpec

_EXACT = 2**24
"""Whole numbers up to this one are exact in float32."""


class Embedding(Layer):
    """y = embeddings[x]: for each whole number of the input a row of a table, (N,L) -> (N,L,output_dim).

    Inputs are arrays of whole numbers, from 0 to input_dim - 1; in a network they travel as its floating-point numbers.
    Where the layer reads the network's input, others are refused; behind other layers a number that is no row of the
    table gives NaN, so that the loss is NaN and not a guess, and fractions are cut off.

    Args:
        input_dim: rows of the table: the largest number and 1. In float32 at most 2**24, up to which it is exact.
        output_dim: columns, the features of each row.
        embeddings_initializer: default 'uniform', from -0.05 to 0.05.
        embeddings_regularizer, embeddings_constraint: as for ConvLSTM2D.
        mask_zero: must be False: no layer here skips steps; leave them out of the data, or give them no weight.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    keras_form = KerasForm(
        "Embedding",
        groups=("embedding",),
        ignored=("input_length", "lora_rank", "lora_alpha", "quantization_config"),
        renamed={
            "init": "embeddings_initializer",
            "W_regularizer": "embeddings_regularizer",
            "W_constraint": "embeddings_constraint",
        },
    )
    embeddings: Weight

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape, batch_input_shape, trainable)
        self.input_dim, self.output_dim = positive_int("input_dim", input_dim), positive_int("output_dim", output_dim)
        self.embeddings_initializer = get_initializer("embeddings_initializer", embeddings_initializer)
        self.embeddings_regularizer = get_regularizer("embeddings_regularizer", embeddings_regularizer)
        self.embeddings_constraint = get_constraint("embeddings_constraint", embeddings_constraint, 2)
        if mask_zero is not False:
            raise ValueError(
                f"mask_zero: expected False, got {mask_zero!r}: no layer here skips the steps of a mask, nor can "
                "Keras' own ConvLSTM2D; leave such steps out of the data, or give their targets no weight"
            )

    def channels(self, shape: Shape) -> int:
        return self.input_dim

    def declare_weights(self, shape: Shape) -> list[WeightSpec]:
        size = (self.input_dim, self.output_dim)
        rules = self.embeddings_regularizer, self.embeddings_constraint
        return [WeightSpec("embeddings", size, self.embeddings_initializer, *rules)]

    def shape_for_weights(self, shapes: Sequence[tuple[int, ...]]) -> Shape:
        return (None,)

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) > 3:
            raise ValueError(
                f"{self.name}: expected numbers of 2 to 4 axes with the movies' own, got {(None, *shape)}: what comes "
                "out has one axis more"
            )
        return *shape, self.output_dim

    def check_values(self, name: str, array: HostArray) -> None:
        low, high = array.min(), array.max()
        inside = low >= 0 and high < self.input_dim
        if not inside or (array.dtype.kind == "f" and (array != np.trunc(array)).any()):
            raise ValueError(
                f"{name}: expected whole numbers from 0 to {self.input_dim - 1} for {self.name}, got {low:.10g} to "
                f"{high:.10g}{' with fractions' if inside else ''}"
            )

    def bind_to(self, backend: Backend, x_shape: tuple[int, int, int, int, int], training: bool) -> BoundLayer:
        if self.input_dim > _EXACT and backend.dtype == np.float32:
            raise ValueError(
                f"input_dim: {self.name} has {self.input_dim:,} rows, and float32 holds whole numbers up to 2**24 "
                "only; use dtype='float64'"
            )
        _, movies, height, width, last = x_shape
        rows_shape = (1, movies, width, last, self.output_dim)
        if height == 1:
            return _BoundEmbedding(self, backend, rows_shape, training)
        # Numbers of three axes give rows of four, whose first axis stands before the movies in time-major arrays.
        inner_shape = (movies, height, width, last, self.output_dim)
        inner = _BoundEmbedding(self, backend, inner_shape, training)
        return PermutedLayer(backend, inner, tuple(range(5)), (1, 0, 2, 3, 4), x_shape, inner_shape)

    def get_config(self) -> dict[str, Any]:
        return {
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "embeddings_initializer": serialize_short(self.embeddings_initializer),
            "embeddings_regularizer": serialize(self.embeddings_regularizer),
            "embeddings_constraint": serialize(self.embeddings_constraint),
            **super().get_config(),
        }


class _BoundEmbedding(BoundLayer):
    """Numbers in any shape of as many as y_shape has rows."""

    def __init__(self, layer: Embedding, backend: Backend, y_shape: tuple[int, ...], training: bool) -> None:
        self._table, self._y_shape = layer.embeddings, y_shape
        positions = int(np.prod(y_shape[:-1]))
        self._lookup = backend.lookup(LookupSpec(positions, layer.input_dim, layer.output_dim, training))
        self._backend = backend
        if training:
            self._zero, self._dx = backend.zeros((positions,)), backend.empty((positions,))

    def forward(self, x: Array) -> Array:
        self._x = x
        return self._lookup.forward(x, self._table.value).reshape(self._y_shape)

    def backward(self, dy: Array, need_dx: bool) -> Array | None:
        self._lookup.backward(dy, self._x, self._table.gradient)
        if not need_dx:
            return None
        self._backend.copy_into(self._dx, self._zero)  # y does not change with x but in steps
        return self._dx.reshape(self._x.shape)
