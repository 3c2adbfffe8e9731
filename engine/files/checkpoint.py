"""A checkpoint: everything that a killed run needs to end with the bits of a run that was never killed.

One safetensors file holds the weights, BatchNormalization's statistics and the optimizer's accumulators as arrays and,
as JSON, the architecture, where the training loop stands (epoch, step, seed of the batch order, losses so far) and the
epochs' history. It is written beside the old one and renamed, so a complete checkpoint exists at any moment.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.files.safetensors import read_safetensors, write_safetensors
from kernels.arrays import HostArray

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
    arrays: dict[str, HostArray]


def save_checkpoint(path: str | Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint atomically. Raises OSError: it cannot be written; what stood there is then untouched."""
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
