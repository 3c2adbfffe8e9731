"""Lower the learning rate when a number no longer improves."""

import math

from engine.callbacks.callback import Logs
from engine.callbacks.monitor import MonitorCallback
from engine.support.validation import in_range, integer


class ReduceLROnPlateau(MonitorCallback):
    """Multiply the learning rate by `factor` once `patience` epochs have passed without an improvement.

    It adds "learning_rate", that of the epoch, to the logs.

    Args:
        monitor, mode, min_delta: see MonitorCallback; min_delta defaults to 1e-4.
        factor: below 1, default 0.1.
        patience: default 10.
        verbose: 1 says so.
        cooldown: epochs after a reduction in which nothing is counted.
        min_lr: never below this.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        if in_range("factor", factor, 0.0, 1.0) == 1.0:
            raise ValueError(f"factor: expected a number below 1, got {factor!r}")
        self.factor, self.patience, self.verbose = factor, integer("patience", patience, 0), verbose
        self.cooldown = integer("cooldown", cooldown, 0)
        self.min_lr = in_range("min_lr", min_lr, -math.inf, math.inf)
        self.wait = self.cooldown_counter = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.best, self.wait, self.cooldown_counter = None, 0, 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        rate = float(self.model.optimizer.learning_rate)
        if logs is not None:
            logs["learning_rate"] = rate
        value = self.monitored(logs)
        if value is None:
            return
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_improvement(value, self.best):
            self.best, self.wait = value, 0
        elif self.cooldown_counter == 0:
            self.wait += 1
            if self.wait >= self.patience and rate > self.min_lr:
                self.model.optimizer.learning_rate = max(rate * self.factor, self.min_lr)
                self.cooldown_counter, self.wait = self.cooldown, 0
                if self.verbose:
                    print(f"Epoch {epoch + 1}: learning rate reduced to {self.model.optimizer.learning_rate:g}")
