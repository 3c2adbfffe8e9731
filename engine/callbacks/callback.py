"""The base of all callbacks: every hook there is, doing nothing."""

from typing import Any

Logs = dict[str, float]


class Callback:
    """Override the hooks that matter.

    Attributes:
        model: the network that is trained.
        params: of the fit: "epochs", "steps" (None where only the end of an epoch will tell) and "verbose".

    Epochs and batches count from 0. logs of a batch are the means over the epoch's batches so far; reading them waits
    for the device, which a fit does after each batch only if a callback has on_train_batch_end. logs of an epoch are
    one dict for all callbacks: what one adds, those after it and History see.
    """

    model: Any = None
    params: dict[str, Any]

    def set_model(self, model: Any) -> None:
        """Called once, before all else."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called once, before all else."""
        self.params = params

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch; logs are its logs."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before an epoch's first batch."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After an epoch and its validation."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before an update."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After an update."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Keras 2's name of on_train_batch_begin."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Keras 2's name of on_train_batch_end."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Before an evaluation, that of the validation data included."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """After it; logs are what it found."""
