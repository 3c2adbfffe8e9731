"""A network bound to one batch shape: all its memory, its forward and its backward pass."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.layers import Layer
from engine.losses import Loss
from engine.optimizers import Optimizer
from engine.parameters import Parameters
from kernels import Backend

Array = Any

_KEPT_SHAPES = 4
"""Training and validation, each with a full and a last, smaller batch."""


@dataclass(frozen=True)
class BatchShape:
    """What a network is bound to.

    Attributes:
        frames, batch, height, width, channels: T, B, H, W, C of the input.
        training: whether backward follows forward.
        with_loss: whether a loss follows the last layer, and so takes its logits where it can.
    """

    frames: int
    batch: int
    height: int
    width: int
    channels: int
    training: bool
    with_loss: bool


class Repeated:
    """Work that is done again and again on the same arrays: at first as it stands, then as the back end recorded it."""

    def __init__(self, backend: Backend, work: Callable[[], None]) -> None:
        self._backend, self._work = backend, work
        self._done_before = False
        self._again: Callable[[], None] | None = None

    def __call__(self) -> None:
        """Do it once more."""
        if not self._done_before:
            self._work()
            self._done_before = True
            return
        if self._again is None:
            self._again = self._backend.record(self._work)
        self._again()


class BoundNetwork:
    """Layers with their plans for one batch shape.

    Attributes:
        x: the input (T,B,H,W,C); write a batch here.
        target: (T,B,H,W,K), likewise; None without a loss.
    """

    def __init__(self, backend: Backend, layers: list[Layer], shape: BatchShape, loss: Loss | None) -> None:
        self._backend, self._loss, self._shape = backend, loss, shape
        self.x = backend.empty((shape.frames, shape.batch, shape.height, shape.width, shape.channels))
        self.target = self._doutput = self._output = None
        self._layers = []
        frame = (shape.height, shape.width, shape.channels)
        for number, layer in enumerate(layers):
            logits = loss is not None and loss.from_logits and number == len(layers) - 1
            self._layers.append(layer.bind(backend, shape.frames, shape.batch, frame, shape.training, logits))
            frame = (*frame[:2], layer.output_channels(frame[2]))
        if loss is not None:
            self.target = backend.empty((shape.frames, shape.batch, *frame))
            self._doutput = backend.empty(self.target.shape) if shape.training else None
        self._value = backend.zeros((1,), np.float64)
        self._predict = Repeated(backend, self._forward)
        self._evaluate = Repeated(backend, self._forward_with_loss)
        self._train: Repeated | None = None
        self._trained_by: tuple[Any, ...] = ()

    def predict(self) -> Array:
        """Run the layers on x, in inference mode; returns the output (T,B,H,W,K)."""
        self._predict()
        return self._output

    def evaluate(self, loss: Array) -> None:
        """Run the layers in inference mode; loss (1,) float64 gets the loss against target."""
        self._evaluate()
        self._backend.copy_into(loss, self._value)

    def differentiate(self, loss: Array) -> None:
        """Write the gradients of all weights; loss (1,) float64 gets the loss. No average and no weight moves."""
        self._move_statistics(False)
        self._forward_with_loss()
        self._backward()
        self._backend.copy_into(loss, self._value)

    def train_step(self, loss: Array, optimizer: Optimizer, parameters: Parameters) -> None:
        """One update of the weights; loss (1,) float64 gets the loss before it."""
        self._move_statistics(True)
        if self._train is None or not self._is_trained_by(optimizer):

            def step() -> None:
                self._forward_with_loss()
                self._backward()
                optimizer.update(self._backend, parameters.values, parameters.gradients)

            self._train = Repeated(self._backend, step)
            self._trained_by = optimizer.state, optimizer.recorded_numbers()
        optimizer.begin_step(self._backend)
        self._train()
        optimizer.end_step()
        self._backend.copy_into(loss, self._value)

    def _is_trained_by(self, optimizer: Optimizer) -> bool:
        # A recorded step holds the optimizer's numbers and the addresses of its accumulators.
        state, numbers = self._trained_by
        return state is optimizer.state and numbers == optimizer.recorded_numbers()

    def _forward(self) -> None:
        y = self.x
        for layer in self._layers:
            y = layer.forward(y)
        self._output = y

    def _forward_with_loss(self) -> None:
        assert self._loss is not None
        self._forward()
        self._loss.forward_backward(self._backend, self._output, self.target, self._value, self._doutput)

    def _backward(self) -> None:
        dy = self._doutput
        for number, layer in reversed(list(enumerate(self._layers))):
            dy = layer.backward(dy, need_dx=number > 0)

    def _move_statistics(self, move: bool) -> None:
        for layer in self._layers:
            if hasattr(layer, "move_statistics"):
                layer.move_statistics = move


class BoundNetworks:
    """The last few bound networks; a shape that comes again finds its memory ready."""

    def __init__(self, backend: Backend, layers: list[Layer]) -> None:
        self._backend, self._layers = backend, layers
        self._kept: OrderedDict[tuple[BatchShape, Loss | None], BoundNetwork] = OrderedDict()

    def get(self, shape: BatchShape, loss: Loss | None) -> BoundNetwork:
        """The network bound to `shape`; `loss` is None unless shape.with_loss."""
        key = (shape, loss)
        if key not in self._kept:
            if len(self._kept) >= _KEPT_SHAPES:
                self._kept.popitem(last=False)
            self._kept[key] = BoundNetwork(self._backend, self._layers, shape, loss)
        self._kept.move_to_end(key)
        return self._kept[key]
