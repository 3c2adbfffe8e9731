"""A checkpoint: everything that a killed run needs to end with the bits of a run that was never killed.

One safetensors file holds the weights, BatchNormalization's statistics and the optimizer's accumulators as arrays and,
as JSON, the architecture, where the training loop stands (epoch, step, seed of the batch order, losses so far) and the
epochs' history. It is written beside the old one and renamed, so a complete checkpoint exists at any moment.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.files.safetensors import read_safetensors, write_safetensors
from engine.fitting.loop import FitLoop
from engine.models.sequential import Sequential

KIND = "checkpoint"


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file holds.

    Attributes:
        config: of the network, as Sequential.get_config returns it.
        loop: where training stands, as FitLoop.state returns it.
        history: one dict an epoch that is done: "epoch" from 1, "loss", "val_loss", "seconds", ...
        arrays: as Sequential.state_arrays returns them.
    """

    config: dict[str, Any]
    loop: dict[str, Any]
    history: list[dict[str, float]]
    arrays: dict[str, np.ndarray[Any, Any]]


class NonFiniteWeightsError(ArithmeticError):
    """A weight or an accumulator is NaN or infinite; such a state is not worth keeping."""


def checkpoint_of(network: Sequential, loop: FitLoop, history: list[dict[str, float]]) -> Checkpoint:
    """Where training stands now: copies, which training that goes on does not change.

    Raises ArithmeticError: a loss, a weight or an accumulator is not finite (NonFiniteLossError,
    NonFiniteWeightsError).
    """
    state, arrays = loop.state(), network.state_arrays()
    bad = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if bad:
        raise NonFiniteWeightsError(
            f"NaN or infinity in {bad[0]} before step {state['step'] + 1} of epoch {state['epoch'] + 1}; training has "
            "diverged: lower the learning rate, or look at the data"
        )
    return Checkpoint(network.get_config(), state, list(history), arrays)


def save_checkpoint(path: str | Path, checkpoint: Checkpoint) -> None:
    """Write it, atomically. Raises OSError: the disk is full or not writable; what stood there is then untouched."""
    content = {"config": checkpoint.config, "loop": checkpoint.loop, "history": checkpoint.history}
    write_safetensors(path, KIND, checkpoint.arrays, content)


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint. Raises ValueError: missing, truncated or foreign."""
    arrays, content = read_safetensors(path, KIND)
    try:
        checkpoint = Checkpoint(content["config"], content["loop"], content["history"], arrays)
        checkpoint.loop["epoch"], checkpoint.loop["step"], checkpoint.config["layers"], len(checkpoint.history)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path}: not a whole checkpoint ({error!r} is missing)") from None
    return checkpoint


def restore(path: str | Path, checkpoint: Checkpoint, network: Sequential, loop: FitLoop) -> None:
    """Put a network and its training loop where they stood. Raises ValueError if the checkpoint is not theirs."""
    if checkpoint.config != network.get_config():
        raise ValueError(f"{path}: this checkpoint is of another network or another optimizer")
    try:
        loop.restore(checkpoint.loop)
        network.load_state_arrays(checkpoint.arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: the checkpoint does not fit this run ({error})") from None
