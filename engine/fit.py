"""The training loop, one event at a time, resumable bit for bit after any of them.

The order of the movies in an epoch depends on (seed, epoch) alone, and a step on the network's state and its batch. So
where the loop stands is said by two numbers and the losses so far.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.validation import positive_int

if TYPE_CHECKING:
    from engine.sequential import Sequential

Array = Any


class NonFiniteLossError(ArithmeticError):
    """A batch's loss was NaN or infinite: training has diverged, or the learning rate is too high."""


@dataclass(frozen=True)
class StepDone:
    """One update of the weights is done.

    Attributes:
        epoch, step: from 0; step counts within the epoch.
        steps_per_epoch, global_step: global_step counts all updates so far, this one included.
        batch_size: movies in this batch.
        loss: of this batch before the update; reading it waits for the device.
    """

    epoch: int
    step: int
    steps_per_epoch: int
    global_step: int
    batch_size: int
    read_loss: Callable[[], float]

    @property
    def loss(self) -> float:
        return self.read_loss()


@dataclass(frozen=True)
class EpochDone:
    """All movies were seen once more.

    Attributes:
        epoch: from 0.
        logs: "loss", the mean over the epoch's batches weighted by their size, each taken before its update (as Keras
            reports it); "val_loss" in inference mode, where there is validation data.
    """

    epoch: int
    logs: dict[str, float]


class FitLoop:
    """Iterate to train; every item is a StepDone or an EpochDone.

    Args:
        network: built and compiled.
        x, y: movies and targets (N,T,H,W,C), (N,T,H,W,K), checked.
        batch_size: movies a step; the last batch of an epoch may be smaller.
        epochs: how many times all movies are seen, counted from the very beginning (also when resumed).
        validation_data: (x, y) to evaluate after each epoch.
        shuffle: draw a new order for each epoch.
        seed: of those orders.
    """

    def __init__(
        self,
        network: "Sequential",
        x: np.ndarray[Any, Any],
        y: np.ndarray[Any, Any],
        *,
        batch_size: int,
        epochs: int,
        validation_data: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]] | None = None,
        shuffle: bool = True,
        seed: int = 0,
    ) -> None:
        self._network, self._shuffle, self._seed = network, shuffle, int(seed)
        self._batch_size = positive_int("batch_size", batch_size)
        self._epochs = positive_int("epochs", epochs)
        self._movies = len(x)
        backend = network.backend
        self._x, self._y = backend.from_host(x), backend.from_host(y)
        self._validation = validation_data and tuple(backend.from_host(array) for array in validation_data)
        self.steps_per_epoch = math.ceil(self._movies / self._batch_size)
        self._losses = backend.zeros((self.steps_per_epoch,), np.float64)
        self._epoch = self._step = 0

    def __iter__(self) -> Iterator[StepDone | EpochDone]:
        while self._epoch < self._epochs:
            order = self._order()
            while self._step < self.steps_per_epoch:
                yield self._train_step(order)
            yield self._end_epoch()

    def state(self) -> dict[str, Any]:
        """Where the loop stands, JSON-able; with the network's state arrays it says all. Refuses a non-finite loss."""
        losses = self._finite_losses(self._step).tolist()
        return {"epoch": self._epoch, "step": self._step, "losses": losses, "seed": self._seed}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from where `state` was taken; the network's state arrays are restored by the caller."""
        losses = np.zeros(self.steps_per_epoch)
        if state["step"] > self.steps_per_epoch or len(state["losses"]) != state["step"]:
            raise ValueError(
                f"state: step {state['step']} with {len(state['losses'])} losses does not fit {self.steps_per_epoch} "
                "steps an epoch; resume with the same data and batch size"
            )
        losses[: state["step"]] = state["losses"]
        self._epoch, self._step, self._seed = int(state["epoch"]), int(state["step"]), int(state["seed"])
        self._network.backend.copy_into(self._losses, losses)

    def _order(self) -> np.ndarray[Any, Any]:
        order = np.arange(self._movies)
        if self._shuffle:
            np.random.default_rng([self._seed, self._epoch]).shuffle(order)
        return order

    def _train_step(self, order: np.ndarray[Any, Any]) -> StepDone:
        rows = order[self._step * self._batch_size : (self._step + 1) * self._batch_size]
        step = self._step
        loss = self._losses[step : step + 1]
        self._network.train_step(self._x, self._y, rows, loss)
        self._step += 1
        return StepDone(
            epoch=self._epoch,
            step=step,
            steps_per_epoch=self.steps_per_epoch,
            global_step=self._epoch * self.steps_per_epoch + step + 1,
            batch_size=len(rows),
            read_loss=lambda: self._read_loss(step),
        )

    def _end_epoch(self) -> EpochDone:
        sizes = np.full(self.steps_per_epoch, self._batch_size, np.float64)
        sizes[-1] = self._movies - self._batch_size * (self.steps_per_epoch - 1)
        logs = {"loss": float(self._finite_losses(self._step) @ sizes / self._movies)}
        if self._validation is not None:
            x, y = self._validation
            logs["val_loss"] = self._network.evaluate_resident(x, y, self._batch_size)
        epoch = self._epoch
        self._epoch, self._step = epoch + 1, 0
        return EpochDone(epoch, logs)

    def _finite_losses(self, steps: int) -> np.ndarray[Any, Any]:
        losses = self._network.backend.to_host(self._losses)[:steps]
        bad = np.flatnonzero(~np.isfinite(losses))
        if bad.size:
            self._refuse(int(bad[0]), float(losses[bad[0]]))
        return losses

    def _read_loss(self, step: int) -> float:
        return float(self._finite_losses(step + 1)[step])

    def _refuse(self, step: int, loss: float) -> None:
        raise NonFiniteLossError(
            f"the loss became {loss} at step {self._epoch * self.steps_per_epoch + step + 1} "
            f"(epoch {self._epoch + 1}, batch {step + 1} of {self.steps_per_epoch}); training has diverged: "
            "lower the learning rate, or look at the data of that batch"
        )
