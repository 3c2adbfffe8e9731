"""The movies of a training run: where they come from, and which of them the network never sees."""

import hashlib
import math
from dataclasses import dataclass

import numpy as np

from engine.movies import generate_movies
from engine.movies.files import load_dataset
from engine.train.choices import make_loss
from engine.train.config import TrainConfig
from kernels.activations import ACTIVATIONS
from kernels.arrays import HostArray
from kernels.losses import term_of

Pair = tuple[HostArray, HostArray]
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

    Raises ValueError: the file is refused (engine/movies/files.py), or there are fewer than 2 movies.
    """
    if config.data is None:
        inputs, targets = generate_movies(config.samples, config.frames, config.seed)
    else:
        inputs, targets = load_dataset(config.data)
    if len(inputs) < 2:
        name = config.data or "samples"
        raise ValueError(f"{name}: expected at least 2 movies, one to train on and one to hold out, got {len(inputs)}")
    fitted = len(inputs) - max(1, len(inputs) // 6)
    trained = max(1, int(fitted * (1.0 - config.validation_split)))
    return RunData(
        train=(inputs[:trained], targets[:trained]),
        validation=(inputs[trained:fitted], targets[trained:fitted]) if trained < fitted else None,
        held_out=(inputs[fitted:], targets[fitted:]),
        sha256=_digest(inputs, targets),
    )


def check_reachable(config: TrainConfig, data: RunData, activation: str) -> None:
    """Raise ValueError if there are targets that the network cannot predict, or that the loss is not defined for.

    activation: Layer.activation_name of the last layer, which bounds the predictions, but for a linear one.
    """
    parts = [part[1] for part in (data.train, data.validation, data.held_out) if part is not None]
    least, most = min(float(part.min()) for part in parts), max(float(part.max()) for part in parts)
    found = f"got {least:g} to {most:g}; scale them (docs/own_movies.md)"
    name = config.data or "samples"
    low, high = term_of(make_loss(config.loss).kind).targets or (-math.inf, math.inf)
    if not low <= least <= most <= high:
        raise ValueError(f"{name}: {config.loss['name']} expects targets from {low:g} to {high:g}, {found}")
    reached = ACTIVATIONS.get(activation.split(maxsplit=1)[0], ACTIVATIONS["linear"])
    low, high = reached.low, reached.high
    if not low <= least <= most <= high:
        reach = f"from {low:g} to {high:g}, as far as the network's last {activation} reaches"
        raise ValueError(f"{name}: expected targets {reach}, {found}")


def _digest(*arrays: HostArray) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(str(array.shape).encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
