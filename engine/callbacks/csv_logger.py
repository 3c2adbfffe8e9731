"""A line of numbers an epoch, in a file."""

import csv
from pathlib import Path
from typing import Any, TextIO

from engine.callbacks.callback import Callback, Logs


class CSVLogger(Callback):
    """Write epoch (from 0) and logs, in alphabetic order, as comma-separated values; each line is on disk at once.

    Args:
        filename: of the file.
        separator: default ",".
        append: go on with a file that is there, without a second header; default False: begin it anew.

    A column that an epoch has no number for holds NA, such as val_loss where validation_freq skips it.
    """

    def __init__(self, filename: str | Path, separator: str = ",", append: bool = False) -> None:
        self.filename, self.separator, self.append = Path(filename), separator, append
        self._file: TextIO | None = None
        self._names: list[str] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._has_header = self.append and self.filename.exists() and self.filename.stat().st_size > 0
        self._file = self.filename.open("a" if self.append else "w", newline="", encoding="utf-8")
        self._names = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        assert self._file is not None
        logs = logs or {}
        writer = csv.writer(self._file, delimiter=self.separator)
        if self._names is None:
            self._names = sorted(logs)
            if not any(name.startswith("val_") for name in self._names):
                self._names += [f"val_{name}" for name in self._names]
            if not self._has_header:
                writer.writerow(["epoch", *self._names])
        row: list[Any] = [logs.get(name, "NA") for name in self._names]
        writer.writerow([epoch, *row])
        self._file.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
