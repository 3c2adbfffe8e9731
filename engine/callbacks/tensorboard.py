"""Curves for TensorBoard."""

from pathlib import Path
from typing import Any

from engine.callbacks.callback import Callback, Logs
from engine.support.validation import positive_int


class TensorBoard(Callback):
    """Write the logs as TensorBoard's event files: log_dir/train and log_dir/validation, as Keras lays them out.

    Scalars only: epoch_loss, epoch_learning_rate and so on by epoch, batch_loss and so on by batch. Graphs, histograms
    and profiles, which Keras also writes, there are none.

    Args:
        log_dir: default "logs".
        update_freq: "epoch" (default); "batch", or a number of batches, also writes the batches' logs that often, for
            which a CUDA device is waited for.

    Raises ValueError where tensorboardX is not installed: pip install 'convlstm-engine[tensorboard]'.
    """

    def __init__(self, log_dir: str | Path = "logs", update_freq: str | int = "epoch") -> None:
        self.log_dir = Path(log_dir)
        if update_freq != "epoch":
            self._every = 1 if update_freq == "batch" else positive_int("update_freq", update_freq)
            self.on_train_batch_end = self._write_batch  # type: ignore[method-assign]  # else batches are not waited for
        self._open_writer = _import_writer()
        self._writers: dict[str, Any] = {}
        self._steps = 0

    def _write_batch(self, batch: int, logs: Logs | None = None) -> None:
        self._steps += 1
        if self._steps % self._every == 0:
            for name, value in (logs or {}).items():
                self._writer("train").add_scalar(f"batch_{name}", value, self._steps)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        numbers = {"learning_rate": float(self.model.optimizer.learning_rate), **(logs or {})}
        for name, value in numbers.items():
            kind = "validation" if name.startswith("val_") else "train"
            self._writer(kind).add_scalar(f"epoch_{name.removeprefix('val_')}", value, epoch)
        for writer in self._writers.values():
            writer.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def _writer(self, kind: str) -> Any:
        if kind not in self._writers:
            self._writers[kind] = self._open_writer(str(self.log_dir / kind))
        return self._writers[kind]


def _import_writer() -> Any:
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        raise ValueError(
            "TensorBoard: tensorboardX is not installed; pip install 'convlstm-engine[tensorboard]'"
        ) from None
    return SummaryWriter
