"""Networks for the tests on a GPU: odd sizes, and the example's own widths."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine import BatchNormalization, Conv3D, ConvLSTM2D, Sequential
from kernels.specs import GRADIENT_ERROR

Array = np.ndarray[Any, Any]

CORNERS = 4.0
"""How many times the promised error the gradients of hard gates are allowed: at a corner of a hard sigmoid the
derivative jumps, so a gate that rounding moves across it changes its gradient as a whole. In tf32 4.1e-3 was seen for
this reason, twice the promise (docs/cuda/precision.md)."""

LOSS_ERROR = {"float32": 1e-4, "tf32": 5e-3, "bfloat16": 2e-2}
"""Largest relative difference of losses over ten steps."""


@dataclass(frozen=True)
class Case:
    """A network and a batch for it.

    Attributes:
        shape: (B,T,H,W,C) of the batch.
        layers: (filters, kernel size, recurrent activation) of each ConvLSTM2D.
        head: padding in time of the Conv3D.
    """

    shape: tuple[int, int, int, int, int]
    layers: tuple[tuple[int, tuple[int, int], str], ...]
    head: str = "same"

    def gradient_error(self, precision: str) -> float:
        """What its gradients are allowed to be off, relative in norm."""
        hard = any(activation != "sigmoid" for _, _, activation in self.layers)
        return GRADIENT_ERROR[precision] * (CORNERS if hard else 1.0)

    def network(self, device: str, precision: str = "float32") -> Sequential:
        """Built and compiled; the same weights on every device; float64 on the reference back end."""
        dtype = "float64" if device == "reference" else "float32"
        network = Sequential(device=device, dtype=dtype, seed=3, precision=precision)
        for filters, kernel, activation in self.layers:
            network.add(
                ConvLSTM2D(
                    filters, kernel, padding="same", return_sequences=True, recurrent_activation=activation
                )
            )  # fmt: skip
            network.add(BatchNormalization(momentum=0.9))
        network.add(Conv3D(self.shape[-1], (3, 3, 3), activation="sigmoid", padding=self.head))
        network.compile(loss="binary_crossentropy", optimizer="adadelta")
        network.build((None, *self.shape[2:]))
        return network

    def batch(self, seed: int = 0) -> tuple[Array, Array]:
        """Random movies in [0, 1] and targets 0 or 1, float32."""
        random = np.random.default_rng(seed)
        x = random.random(self.shape).astype(np.float32)
        return x, (random.random(self.shape) > 0.5).astype(np.float32)


CASES = {
    "odd": Case((3, 4, 7, 6, 3), ((5, (3, 5), "hard_sigmoid"), (4, (1, 1), "sigmoid"))),
    "one": Case((1, 1, 5, 3, 1), ((6, (3, 3), "hard_sigmoid"),), head="causal"),
    "logistic": Case((2, 3, 9, 10, 1), ((40, (3, 3), "sigmoid"), (40, (3, 3), "sigmoid"))),
    "example": Case((2, 3, 9, 10, 1), ((40, (3, 3), "hard_sigmoid"), (40, (3, 3), "hard_sigmoid"))),
}
