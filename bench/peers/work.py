"""One piece of work that all are timed on: the network, its size, and what to do with it.

Needs nothing but NumPy: this module is read by every peer's Python.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

BATCH_NORM_MOMENTUM = 0.99
BATCH_NORM_EPSILON = 1e-3
ADADELTA = {"learning_rate": 1.0, "rho": 0.95, "epsilon": 1e-7}
HEAD_KERNEL = (3, 3, 3)


@dataclass(frozen=True)
class Work:
    """Layers of ConvLSTM2D + BatchNormalization, then the example's Conv3D(1, (3,3,3)) with a sigmoid.

    Attributes:
        kind: "train" (forward, backward, Adadelta), "forward" (inference) or "rollout" (n_new frames after `frames`).
        filters, kernels: one per ConvLSTM2D layer; square kernels.
    """

    kind: Literal["train", "forward", "rollout"]
    filters: tuple[int, ...]
    kernels: tuple[int, ...]
    batch: int
    frames: int
    height: int
    width: int
    channels: int = 1
    n_new: int = 16

    @classmethod
    def from_json(cls, text: str) -> "Work":
        """What to_json wrote."""
        fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(text).items()}
        return cls(**fields)

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    def gflop(self) -> float:
        """10^9 operations of one call, counted as direct convolutions (2 per multiply-add; backward is twice forward).

        For a rollout, of the frames that a streaming network computes.
        """
        per_pixel, channels = 0, self.channels
        for filters, kernel in zip(self.filters, self.kernels, strict=True):
            per_pixel += 2 * kernel**2 * (channels + filters) * 4 * filters
            channels = filters
        per_pixel += 2 * int(np.prod(HEAD_KERNEL)) * channels
        frames = self.frames + (self.n_new - 1 if self.kind == "rollout" else 0)
        forward = per_pixel * self.batch * frames * self.height * self.width
        return forward * (3 if self.kind == "train" else 1) / 1e9

    def weights(self, seed: int = 0) -> list[np.ndarray]:
        """Initial weights in Keras' order, float32: Glorot-sized noise, forget gates' bias 1, batch norm at rest."""
        random = np.random.default_rng(seed)

        def kernel(*shape: int) -> np.ndarray:
            fans = np.prod(shape[:-2]) * (shape[-2] + shape[-1])
            return random.normal(0.0, np.sqrt(2.0 / fans), shape).astype(np.float32)

        weights, channels = [], self.channels
        for filters, size in zip(self.filters, self.kernels, strict=True):
            bias = np.zeros(4 * filters, np.float32)
            bias[filters : 2 * filters] = 1.0
            weights += [kernel(size, size, channels, 4 * filters), kernel(size, size, filters, 4 * filters), bias]
            weights += [np.full(filters, value, np.float32) for value in (1.0, 0.0, 0.0, 1.0)]
            channels = filters
        return [*weights, kernel(*HEAD_KERNEL, channels, 1), np.zeros(1, np.float32)]

    def movies(self, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """x (B,T,H,W,C) and y (B,T,H,W,1), float32: sparse white blocks, and the same one frame on."""
        random = np.random.default_rng(seed)
        blocks = random.random((self.batch, self.frames + 1, -(-self.height // 4), -(-self.width // 4), self.channels))
        frames = np.repeat(np.repeat(blocks < 0.06, 4, axis=2), 4, axis=3)[:, :, : self.height, : self.width]
        frames = frames.astype(np.float32)
        return frames[:, :-1].copy(), frames[:, 1:, ..., :1].copy()
