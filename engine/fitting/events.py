"""What the training loop hands out: a step is done, an epoch is done."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class StepDone:
    """One update of the weights is done.

    Attributes:
        epoch, step: from 0; step counts within the epoch.
        steps_per_epoch: None where only the end of the epoch will tell.
        global_step: counts all updates so far, this one included.
        batch_size: movies in this batch.
        loss: of this batch before the update; reading it waits for the device.
    """

    epoch: int
    step: int
    steps_per_epoch: int | None
    global_step: int
    batch_size: int
    read_loss: Callable[[], float]

    @property
    def loss(self) -> float:
        """The loss of this batch before the update; reading it waits for the device."""
        return self.read_loss()


@dataclass(frozen=True)
class EpochDone:
    """All movies were seen once more.

    Attributes:
        epoch: from 0.
        logs: "loss", the mean over the epoch's batches weighted by their size, each taken before its update (as Keras
            reports it); each metric likewise; "val_loss" and so on in inference mode, where there is validation data.
    """

    epoch: int
    logs: dict[str, float]
