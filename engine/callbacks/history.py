"""What fit returns."""

from engine.callbacks.callback import Callback, Logs


class History(Callback):
    """The record of one fit.

    Attributes:
        epoch: the epochs that were run, from 0.
        history: by name ("loss", "val_loss", metrics), one number an epoch.
    """

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
