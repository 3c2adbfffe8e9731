"""Save the network while it trains."""

import warnings
from pathlib import Path

from engine.callbacks.callback import Logs
from engine.callbacks.monitor import MonitorCallback
from engine.support.validation import positive_int

_MODELS = (".safetensors", ".keras", ".h5", ".hdf5")
_WEIGHTS = (".weights.h5", ".h5", ".hdf5")


class ModelCheckpoint(MonitorCallback):
    """Save the network at the end of each epoch, or every so many batches. A file is whole at any moment.

    Args:
        filepath: where to; it may hold {epoch} (from 1), {batch} (from 1) and names of the logs, with formats:
            "net.{epoch:02d}-{val_loss:.3f}.keras". The suffix is one that Sequential.save takes: .safetensors, .keras,
            .h5; with save_weights_only .weights.h5 or .h5.
        monitor, mode: what save_best_only looks at; see MonitorCallback.
        verbose: 1 says what is done.
        save_best_only: save only if the number is the best so far.
        save_weights_only: weights without architecture.
        save_freq: "epoch", or a number of batches.
        initial_value_threshold: the best so far, to begin with.
    """

    def __init__(
        self,
        filepath: str | Path,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode)
        self.filepath, self.verbose = str(filepath), verbose
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        suffixes = _WEIGHTS if save_weights_only else _MODELS
        if not self.filepath.endswith(suffixes):
            raise ValueError(f"filepath: expected a name that ends in {', '.join(suffixes)}, got {self.filepath!r}")
        self.save_freq = save_freq if save_freq == "epoch" else positive_int("save_freq", save_freq)
        self.best = initial_value_threshold
        self._epoch = self._batches = 0
        if self.save_freq != "epoch":
            self.on_train_batch_end = self._count_batch  # type: ignore[method-assign]  # else batches are not waited for

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            self._consider({"epoch": epoch + 1}, logs or {})

    def _count_batch(self, batch: int, logs: Logs | None = None) -> None:
        self._batches += 1
        if self._batches == self.save_freq:
            self._batches = 0
            self._consider({"epoch": self._epoch + 1, "batch": batch + 1}, logs or {})

    def _consider(self, counts: dict[str, int], logs: Logs) -> None:
        try:
            path = Path(self.filepath.format(**counts, **logs))
        except KeyError as error:
            raise ValueError(
                f"filepath: {self.filepath!r} asks for {error}; there are {', '.join([*counts, *logs])}"
            ) from None
        if not self._is_due(logs):
            self._say(counts, f"{self.monitor} did not improve from {self.best:.5f}")
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)
        self._say(counts, f"saved to {path}")

    def _is_due(self, logs: Logs) -> bool:
        if not self.save_best_only:
            return True
        value = logs.get(self.monitor)
        if value is None:
            warnings.warn(f"ModelCheckpoint: saved without {self.monitor!r}, which is not in the logs", stacklevel=4)
            return True
        if self.is_improvement(value, self.best):
            self.best = value
            return True
        return False

    def _say(self, counts: dict[str, int], what: str) -> None:
        if self.verbose:
            print(f"Epoch {counts['epoch']}: {what}")
