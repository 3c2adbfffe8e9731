"""The folder that a training run leaves behind."""

import csv
import importlib.metadata
import io
import json
import math
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from engine.files.atomic import write_atomically
from engine.files.lock import LockFile
from engine.train.config import EPOCH_COLUMNS, TrainConfig, from_json

_PACKAGES = ("convlstm-engine", "numpy", "numba", "onnx", "onnxruntime", "safetensors", "matplotlib", "cupy-cuda13x")
RUNS = Path("runs")
"""Where runs without --out are kept."""


class RunFolder:
    """Names and formats of the files in one run's folder. Every file is written atomically.

    begin or reopen lock the folder, so that no other process trains in it; leaving the context lets it go.

    Attributes:
        path: of the folder.
        config: JSON: the effective settings, versions, device, digest of the data.
        metrics: CSV, one row an epoch.
        checkpoint: what --resume needs.
        model, best: the network at the end, and after the epoch with the lowest val_loss (loss, without validation).
        onnx, loss_plot, gif, frames: pictures and export of the final report.
        report: JSON: the final report's numbers.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config = self.path / "config.json"
        self.metrics = self.path / "metrics.csv"
        self.checkpoint = self.path / "checkpoint.safetensors"
        self.model = self.path / "model.safetensors"
        self.best = self.path / "best.safetensors"
        self.onnx = self.path / "model.onnx"
        self.loss_plot = self.path / "loss.png"
        self.gif = self.path / "rollout.gif"
        self.frames = self.path / "frames"
        self.report = self.path / "report.json"
        self._lock_path = self.path / "running.lock"
        self._lock = LockFile(self._lock_path)

    def __enter__(self) -> "RunFolder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def check_free(self) -> None:
        """Raise ValueError if something is in the way, or there already that a new run would mix with."""
        check_can_be_made("out", self.path)
        if self.path.exists() and any(path != self._lock_path for path in self.path.iterdir()):
            raise ValueError(
                f"out: {self.path} exists already and is never overwritten; choose another name, or go on with "
                f"--resume {self.path}"
            )

    def begin(self, config: TrainConfig, device: str, data_sha256: str) -> None:
        """Make the folder, lock it and write config.json. Raises ValueError as check_free does, or locked; OSError."""
        self.path.mkdir(parents=True, exist_ok=True)
        self._take_lock("out")
        self.check_free()
        self._write_json(
            self.config,
            {
                "settings": config.to_json(),
                "device": device,
                "data_sha256": data_sha256,
                "versions": _versions(),
                "began": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            },
        )

    def update(self, config: TrainConfig) -> None:
        """Note the settings of a resumed run in config.json."""
        content = json.loads(self.config.read_text(encoding="utf-8"))
        self._write_json(self.config, content | {"settings": config.to_json()})

    def reopen(self) -> tuple[TrainConfig, str]:
        """Lock the folder; its settings and the data's digest, as the run began.

        Raises ValueError: no run is there, another process trains in it, it is damaged, or its checkpoint is gone: a
        run without one begins again, which must not cost epochs that were done.
        """
        if not self.config.is_file():
            raise ValueError(f"resume: {self.path} is not the folder of a run (it has no config.json)")
        self._take_lock("resume")
        if not self.checkpoint.exists() and self._has_lost_its_checkpoint():
            raise ValueError(
                f"resume: {self.path} has no {self.checkpoint.name}, without which its epochs would be done again and "
                "its files overwritten; put it back, or train anew with another --out"
            )
        try:
            content = json.loads(self.config.read_text(encoding="utf-8"))
            settings, digest = content["settings"], str(content["data_sha256"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{self.config}: not the configuration of a run ({error!r})") from None
        return from_json(settings, self.config), digest

    def _take_lock(self, argument: str) -> None:
        if not self._lock.take():
            raise ValueError(f"{argument}: another process is training in {self.path}; wait for it, or stop it first")

    def _has_lost_its_checkpoint(self) -> bool:
        """One row of metrics.csv is none: a kill between the first epoch's row and its checkpoint leaves that."""
        rows = self.metrics.read_text(encoding="utf-8").count("\n") - 1 if self.metrics.exists() else 0
        return rows > 1 or self.model.exists()

    def write_metrics(self, history: list[dict[str, float]], measured: Sequence[str]) -> None:
        """Write metrics.csv, one row an epoch, whole; `measured` is "loss" and the metrics' names."""
        stream = io.StringIO()
        validated = [f"val_{name}" for name in measured]
        columns = [*EPOCH_COLUMNS[:2], *measured, *validated, *EPOCH_COLUMNS[2:]]
        writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)
        write_atomically(self.metrics, stream.getvalue().encode())

    def write_report(self, report: dict[str, Any]) -> None:
        """Write report.json; numbers that there are not (NaN, infinity) are null, for JSON has none."""
        self._write_json(self.report, _finite(report))

    def _write_json(self, path: Path, content: dict[str, Any]) -> None:
        write_atomically(path, (json.dumps(content, indent=2) + "\n").encode())


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def fresh_folder(preset: str) -> RunFolder:
    """runs/<preset>-<date>-<time>, made now, with a number behind it if that is taken. Raises OSError."""
    name = f"{preset}-{time.strftime('%Y%m%d-%H%M%S')}"
    RUNS.mkdir(exist_ok=True)
    path, number = RUNS / name, 1
    while True:
        # Made by the look whether it is there: runs that start together would all find the same name free.
        try:
            path.mkdir()
        except FileExistsError:
            number += 1
            path = RUNS / f"{name}-{number}"
        else:
            return RunFolder(path)


def check_can_be_made(argument: str, path: Path) -> None:
    """Raise ValueError unless `path` is a folder, or its nearest neighbour upwards that exists is one."""
    nearest = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not nearest.is_dir():
        raise ValueError(f"{argument}: expected a folder, or a name for one, got {path}; {nearest} is a file")


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version(), "platform": platform.platform()}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
