"""Input: where a network begins."""

from collections.abc import Sequence
from typing import Any

from engine.layers.keras_form import KerasForm
from engine.layers.layer import Layer
from engine.layers.symbolic import Call, SymbolicTensor, note_call
from engine.layers.weight import Shape
from engine.support.validation import one_of, positive_int

_DTYPES = ("float16", "bfloat16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64", "bool")


class InputLayer(Layer):
    """Where a network's data come in; Input makes one, and a Sequential takes one as its first layer.

    Args:
        shape: of the data without the axis of the batch, 1 to 4 sizes, None where any will do.
        batch_size: movies of every batch; None (default): any number.
        dtype: "float32" (default) or another of NumPy's; data are cast to the network's own in any case.
        batch_shape: shape with the batch size in front, in place of both.
        name: default "input_layer", numbered within a network.
        input_shape, batch_input_shape: tf.keras' names of shape and batch_shape.
    """

    frame_by_frame = True
    is_input = True
    keras_form = KerasForm("InputLayer", groups=("input_layer",))

    def __init__(
        self,
        shape: Sequence[int | None] | None = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Sequence[int | None] | None = None,
        name: str | None = None,
        input_shape: Sequence[int | None] | None = None,
        batch_input_shape: Sequence[int | None] | None = None,
        optional: bool = False,
    ) -> None:
        for argument, value in (("sparse", sparse), ("ragged", ragged), ("optional", optional)):
            one_of(argument, value or None, [None], "tensors are dense and always there")
        shape = input_shape if shape is None else shape
        batch_shape = batch_input_shape if batch_shape is None else batch_shape
        if (shape is None) == (batch_shape is None):
            raise ValueError("shape: expected it or batch_shape, without which nobody knows the input")
        if shape is not None and isinstance(shape, int):
            raise ValueError(f"shape: expected a tuple such as ({shape},), got {shape!r}")
        if batch_shape is not None:
            batch_size, shape = batch_shape[0], tuple(batch_shape[1:])
        super().__init__(name, tuple(shape or ()))
        self.batch_size = None if batch_size is None else positive_int("batch_size", batch_size)
        self.dtype = str(one_of("dtype", getattr(dtype, "name", None) or dtype or "float32", _DTYPES))

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def begin(self) -> tuple[SymbolicTensor]:
        """The tensor that the data will be."""
        made = Call(self, ())
        made.outputs = (SymbolicTensor(made, 0, self.input_shape or (), self.batch_size),)
        note_call(made)
        return (made.outputs[0],)

    def get_config(self) -> dict[str, Any]:
        return {"batch_shape": [self.batch_size, *(self.input_shape or ())], "dtype": self.dtype}


def Input(
    shape: Sequence[int | None] | None = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    batch_shape: Sequence[int | None] | None = None,
    name: str | None = None,
    tensor: None = None,
    optional: bool = False,
) -> SymbolicTensor:
    """Begin a network: the tensor that its data will be. Arguments as for InputLayer.

    x = Input((None, 40, 40, 1))
    model = Model(x, Conv3D(1, 3, padding="same")(x))
    """
    one_of("tensor", tensor, [None], "data come with fit and predict")
    layer = InputLayer(shape, batch_size, dtype, sparse, batch_shape=batch_shape, name=name, optional=optional)
    return layer.begin()[0]
