"""What layers that are an activation alone share."""

from abc import abstractmethod

from engine.layers.activated import activation_operation, is_of_input
from engine.layers.layer import WIDE, BoundLayer, Layer, Narrow
from engine.layers.weight import time_major
from kernels import Backend
from kernels.activations import Activation
from kernels.arrays import Array
from kernels.operations import ConvLSTM


class ActivationLayer(Layer):
    """Base of layers that compute an activation at each element, or in each row of the last axis."""

    frame_by_frame = True

    @property
    @abstractmethod
    def as_activation(self) -> Activation:
        """What the layer computes, so that another may be given it as an activation."""

    @property
    def activation_name(self) -> str:
        return self.as_activation

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
        activation = "linear" if logits else self.as_activation
        return BoundActivation(backend, activation, time_major(shape, batch))


class BoundActivation(BoundLayer):
    """An activation between two layers: x stays, and dy becomes dx in its place."""

    def __init__(self, backend: Backend, activation: Activation, x_shape: tuple[int, ...]) -> None:
        self._operation = None
        if activation != "linear":
            self._operation, self._y = activation_operation(backend, activation), backend.empty(x_shape)
        self._of_input = is_of_input(activation)

    def forward(self, x: Array) -> Array:
        if self._operation is None:
            return x
        self._operation.forward(x, self._y)
        self._kept = x if self._of_input else self._y
        return self._y

    def backward(self, dy: Array, need_dx: bool) -> Array | None:
        if not need_dx:
            return None
        if self._operation is not None:
            self._operation.backward(self._kept, dy, dy)
        return dy
