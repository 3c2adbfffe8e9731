"""A network bound to one batch shape: all its memory, its forward and its backward pass."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from engine.layers import Layer
from engine.losses import Loss
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


class BoundNetwork:
    """Layers with their plans for one batch shape.

    Attributes:
        x: the input (T,B,H,W,C); write a batch here.
        target: (T,B,H,W,K), likewise; None without a loss.
    """

    def __init__(self, backend: Backend, layers: list[Layer], shape: BatchShape, loss: Loss | None) -> None:
        self._backend, self._loss, self._shape = backend, loss, shape
        self.x = backend.empty((shape.frames, shape.batch, shape.height, shape.width, shape.channels))
        self.target = self._doutput = None
        self._layers = []
        frame = (shape.height, shape.width, shape.channels)
        for number, layer in enumerate(layers):
            logits = loss is not None and loss.from_logits and number == len(layers) - 1
            self._layers.append(layer.bind(backend, shape.frames, shape.batch, frame, shape.training, logits))
            frame = (*frame[:2], layer.output_channels(frame[2]))
        if loss is not None:
            self.target = backend.empty((shape.frames, shape.batch, *frame))
            self._doutput = backend.empty(self.target.shape) if shape.training else None

    def forward(self) -> Array:
        """Run the layers on x; returns the output (T,B,H,W,K)."""
        y = self.x
        for layer in self._layers:
            y = layer.forward(y)
        return y

    def forward_with_loss(self, loss: Array) -> None:
        """Run the layers, write the loss against target into loss (1,) float64."""
        assert self._loss is not None
        self._loss.forward_backward(self._backend, self.forward(), self.target, loss, self._doutput)

    def backward(self) -> None:
        """Write the gradients of all weights; forward_with_loss ran before."""
        dy = self._doutput
        for number, layer in reversed(list(enumerate(self._layers))):
            dy = layer.backward(dy, need_dx=number > 0)

    def move_statistics(self, move: bool) -> None:
        """Whether a training forward pass moves BatchNormalization's averages."""
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
