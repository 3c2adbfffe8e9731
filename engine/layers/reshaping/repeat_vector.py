"""RepeatVector: a vector as a sequence of itself."""

from typing import Any

from engine.layers.keras_form import KerasForm
from engine.layers.layer import BoundLayer, Layer
from engine.layers.reshaping.moved import Moved
from engine.layers.weight import Shape
from engine.support.validation import positive_int
from kernels import Backend


class RepeatVector(Layer):
    """Each vector n times: (N,F) -> (N,n,F).

    Args:
        n: how often.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    keras_form = KerasForm("RepeatVector", groups=("repeat_vector",))

    def __init__(
        self,
        n: int,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape, batch_input_shape, trainable)
        self.n = positive_int("n", n)

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 1:
            raise ValueError(
                f"{self.name}: expected vectors, two axes with the batch's, and its input has shape {(None, *shape)}"
            )
        return self.n, *shape

    def bind_to(self, backend: Backend, x_shape: tuple[int, int, int, int, int], training: bool) -> BoundLayer:
        y_shape = (*x_shape[:3], self.n, x_shape[4])
        return Moved(backend, backend.broadcast(x_shape, y_shape), x_shape, y_shape, training)

    def get_config(self) -> dict[str, Any]:
        return {"n": self.n, **super().get_config()}
