"""What every layer is: a description with weights, and the same bound to a batch shape.

A `Layer` knows its hyper-parameters and owns its weights. `bind` gives a `BoundLayer`: the layer with a plan of its
back end for one (T, B, H, W), able to run forward and, in training, backward.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kernels import Backend

Array = Any
FrameShape = tuple[int | None, int | None, int]
"""Height, width and channels of a frame; None where any size will do."""


@dataclass
class Weight:
    """One array of a layer, trained or moved.

    Attributes:
        name: layer name, slash, Keras' name of the array, e.g. "conv_lstm2d_1/recurrent_kernel".
        shape: of the array.
        trainable: False for BatchNormalization's moving statistics.
        initial: the array it starts from, on the host.
        value, gradient: the back end's arrays, once the network has placed them (gradient None where not trainable).
        backend: whose arrays they are.
    """

    name: str
    shape: tuple[int, ...]
    trainable: bool
    initial: np.ndarray[Any, Any]
    value: Array = field(default=None, repr=False)
    gradient: Array = field(default=None, repr=False)
    backend: Backend | None = field(default=None, repr=False)

    def to_host(self) -> np.ndarray[Any, Any]:
        """A copy of the array as it is now."""
        return self.initial.copy() if self.backend is None else self.backend.to_host(self.value)

    def assign(self, array: np.ndarray[Any, Any]) -> None:
        """Set the array; shape must be this weight's."""
        if self.backend is None:
            self.initial = np.array(array)
        else:
            self.backend.copy_into(self.value, array)


class BoundLayer(ABC):
    """A layer with all its memory for one batch shape."""

    @abstractmethod
    def forward(self, x: Array) -> Array:
        """x (T,B,H,W,C) -> y; both are kept until the next call."""

    @abstractmethod
    def backward(self, dy: Array, need_dx: bool) -> Array | None:
        """Write the gradients of the layer's weights; return dx (None unless need_dx). dy may be overwritten."""


class StreamingLayer(ABC):
    """A layer that takes one frame at a time and keeps what later frames need."""

    @abstractmethod
    def step(self, x: Array) -> Array:
        """x (B,H,W,C), the next frame -> y (B,H,W,K)."""


class Layer(ABC):
    """A layer's description and weights."""

    _default_name: str

    def __init__(self, name: str | None, input_shape: tuple[int | None, ...] | None) -> None:
        if name is not None and (not isinstance(name, str) or not name or "/" in name):
            raise ValueError(f"name: expected a non-empty string without '/', got {name!r}")
        self.given_name = name
        self.name = name or self._default_name
        self.input_shape = _checked_input_shape(input_shape)
        self.weights: list[Weight] = []

    @property
    def trainable_weights(self) -> list[Weight]:
        """The weights that training moves by their gradient, in Keras' order."""
        return [weight for weight in self.weights if weight.trainable]

    @property
    def activation_name(self) -> str:
        """The activation that the layer's output went through, as a loss wants to know it."""
        return "linear"

    @property
    def looks_ahead(self) -> bool:
        """Whether an output frame depends on later input frames."""
        return False

    @abstractmethod
    def build(self, channels: int, random: np.random.Generator) -> None:
        """Create the weights for inputs with this many channels."""

    @abstractmethod
    def output_channels(self, channels: int) -> int:
        """Channels out, for this many channels in."""

    @abstractmethod
    def bind(
        self, backend: Backend, frames: int, batch: int, frame: tuple[int, int, int], training: bool, logits: bool
    ) -> BoundLayer:
        """Give the layer its memory.

        Args:
            frames, batch: T and B.
            frame: (H, W, C) of the input.
            training: whether backward will be called and statistics are the batch's own.
            logits: leave the last activation out (the loss folds it in).
        """

    @abstractmethod
    def stream(self, backend: Backend, batch: int, frame: tuple[int, int, int]) -> StreamingLayer:
        """Begin a stream of frames from the zero state."""

    @abstractmethod
    def get_config(self) -> dict[str, Any]:
        """The arguments of __init__, JSON-able."""

    def get_weights(self) -> list[np.ndarray[Any, Any]]:
        """Host copies of the weights, in Keras' order."""
        return [weight.to_host() for weight in self.weights]

    def _add_weight(self, name: str, value: np.ndarray[Any, Any], trainable: bool = True) -> Weight:
        weight = Weight(f"{self.name}/{name}", value.shape, trainable, value)
        self.weights.append(weight)
        return weight


def _checked_input_shape(shape: Any) -> tuple[int | None, int | None, int | None, int] | None:
    if shape is None:
        return None
    ok = isinstance(shape, list | tuple) and len(shape) == 4 and isinstance(shape[3], int)
    if not ok or any(size is not None and (not isinstance(size, int) or size < 1) for size in shape):
        raise ValueError(
            "input_shape: expected (frames, height, width, channels), each at least 1 and the first three None where "
            f"any size will do, got {shape!r}"
        )
    return tuple(shape)
