"""The movies of a training run: where they come from, and which of them the network never sees."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.config import TrainConfig
from engine.data import load_dataset
from engine.movies import generate_movies

Array = np.ndarray[Any, Any]
Pair = tuple[Array, Array]
"""Inputs and targets, float32 (N,T,H,W,C) both; targets[:, t] is the frame after inputs[:, t]."""


@dataclass(frozen=True)
class RunData:
    """The three parts of a data set, cut in this order, and a digest of all of it.

    Attributes:
        train: what the weights are fitted to.
        validation: evaluated after each epoch; None if its share comes to nothing.
        held_out: the last sixth (200 of the example's 1200), at least one movie: for the final report and the pictures.
        sha256: of every pixel; a resumed run must find the same.
    """

    train: Pair
    validation: Pair | None
    held_out: Pair
    sha256: str


def make_run_data(config: TrainConfig) -> RunData:
    """Generate or read the movies that a configuration asks for, and cut them.

    Raises ValueError: the file is refused (engine/data.py), there are fewer than 2 movies, or binary cross-entropy is
    asked for targets outside 0 to 1.
    """
    if config.data is None:
        inputs, targets = generate_movies(config.samples, config.frames, config.seed)
    else:
        inputs, targets = load_dataset(config.data)
    name = config.data or "samples"
    if len(inputs) < 2:
        raise ValueError(f"{name}: expected at least 2 movies, one to train on and one to hold out, got {len(inputs)}")
    if config.loss == "binary_crossentropy" and not (targets.min() >= 0 and targets.max() <= 1):
        raise ValueError(
            f"{name}: binary_crossentropy expects targets from 0 to 1, got {targets.min():g} to {targets.max():g}; "
            "scale them"
        )
    fitted = len(inputs) - max(1, len(inputs) // 6)
    trained = max(1, int(fitted * (1.0 - config.validation_split)))
    return RunData(
        train=(inputs[:trained], targets[:trained]),
        validation=(inputs[trained:fitted], targets[trained:fitted]) if trained < fitted else None,
        held_out=(inputs[fitted:], targets[fitted:]),
        sha256=_digest(inputs, targets),
    )


def _digest(*arrays: Array) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(str(array.shape).encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
