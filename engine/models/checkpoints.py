"""Take checkpoints of a network and its training loop, and restore them."""

from pathlib import Path

import numpy as np

from engine.files.checkpoint import Checkpoint
from engine.fitting.loop import FitLoop
from engine.models.trained_network import TrainedNetwork


class NonFiniteWeightsError(ArithmeticError):
    """A weight or an accumulator is NaN or infinite; such a state is not worth keeping."""


def checkpoint_of(network: TrainedNetwork, loop: FitLoop, history: list[dict[str, float]]) -> Checkpoint:
    """Take a checkpoint of where training stands: copies, which further training does not change.

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


def restore(path: str | Path, checkpoint: Checkpoint, network: TrainedNetwork, loop: FitLoop) -> None:
    """Put a network and its training loop back where they stood. Raises ValueError: the checkpoint is not theirs."""
    if checkpoint.config != network.get_config():
        raise ValueError(f"{path}: this checkpoint is of another network or another optimizer")
    try:
        loop.restore(checkpoint.loop)
        network.load_state_arrays(checkpoint.arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: the checkpoint does not fit this run ({error})") from None
