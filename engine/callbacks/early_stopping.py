"""Stop when a number no longer improves."""

from typing import Any

from engine.callbacks.callback import Logs
from engine.callbacks.monitor import MonitorCallback
from engine.support.validation import integer


class EarlyStopping(MonitorCallback):
    """Stop training once `patience` epochs have passed without an improvement.

    Args:
        monitor, min_delta, mode: see MonitorCallback.
        patience: default 0: the first epoch without one (but never the very first epoch) is the last.
        verbose: 1 says so.
        baseline: the wait begins anew only when this is beaten too.
        restore_best_weights: put the weights of the best epoch back when training ends, for whatever reason, as Keras 3
            does (Keras 2 only when it was stopped here). The optimizer's state stays.
        start_from_epoch: epochs before this one, counted from 0, are not looked at.

    Attributes:
        stopped_epoch: from 0; 0 if it did not stop.
        best, best_epoch: the best number and its epoch.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience, self.verbose, self.baseline = integer("patience", patience, 0), verbose, baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = integer("start_from_epoch", start_from_epoch, 0)
        self._begin()

    def _begin(self) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = None
        self.best_weights: list[Any] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._begin()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        value = self.monitored(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self.is_improvement(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self.is_improvement(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                print(f"Restoring the weights of epoch {self.best_epoch + 1}, the best")
            self.model.set_weights(self.best_weights)
