"""Set the learning rate of each epoch."""

import inspect
from collections.abc import Callable

from engine.callbacks.callback import Callback, Logs
from engine.support.validation import in_range


class LearningRateScheduler(Callback):
    """Set the learning rate at each epoch's beginning, and add it to the logs as "learning_rate".

    Args:
        schedule: a function (epoch from 0, learning rate so far) -> learning rate; or of the epoch alone, as in older
            Kerases.
        verbose: 1 says so.
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        if not callable(schedule):
            raise ValueError(f"schedule: expected a function (epoch, learning_rate), got {schedule!r}")
        self.schedule, self.verbose = schedule, verbose
        self._takes_rate = _accepts_two(schedule)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        optimizer = self.model.optimizer
        rate = self.schedule(epoch, float(optimizer.learning_rate)) if self._takes_rate else self.schedule(epoch)
        optimizer.learning_rate = in_range("schedule", rate, 0.0, 1e9)
        if self.verbose:
            print(f"Epoch {epoch + 1}: learning rate set to {optimizer.learning_rate:g}")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


def _accepts_two(function: Callable[..., float]) -> bool:
    try:
        inspect.signature(function).bind(0, 0.0)
    except TypeError:
        return False
    return True
