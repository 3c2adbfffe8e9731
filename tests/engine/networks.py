"""Small networks that the engine's tests share."""

from typing import Any

import numpy as np

from engine import BatchNormalization, Conv3D, ConvLSTM2D, Sequential

Array = np.ndarray[Any, Any]

FLOAT64_DEVICES = ("reference", "cpu")


def seed_like(device: str, dtype: str = "float64", channels: int = 1, head: str = "same", seed: int = 3) -> Sequential:
    """The example's architecture in small: two ConvLSTM2D with BatchNormalization and a Conv3D head, unlike in size."""
    network = Sequential(device=device, dtype=dtype, seed=seed)
    network.add(
        ConvLSTM2D(
            filters=5,
            kernel_size=(3, 5),
            padding="same",
            return_sequences=True,
            input_shape=(None, None, None, channels),
        )
    )
    network.add(BatchNormalization())
    network.add(
        ConvLSTM2D(filters=4, kernel_size=1, padding="same", return_sequences=True, recurrent_activation="sigmoid")
    )
    network.add(BatchNormalization(momentum=0.8, epsilon=1e-2))
    network.add(Conv3D(filters=channels, kernel_size=(3, 3, 3), activation="sigmoid", padding=head))
    network.compile(loss="binary_crossentropy", optimizer="adadelta")
    return network


def movies(n: int = 3, frames: int = 4, height: int = 7, width: int = 6, channels: int = 1, seed: int = 0) -> Array:
    """Random movies in [0, 1]."""
    return np.random.default_rng(seed).random((n, frames, height, width, channels))


def targets(x: Array, channels: int | None = None, seed: int = 1) -> Array:
    """Random 0/1 targets for movies x."""
    shape = (*x.shape[:-1], channels or x.shape[-1])
    return (np.random.default_rng(seed).random(shape) > 0.5).astype(np.float64)
