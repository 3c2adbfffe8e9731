"""Part (e): gradients and loss curves in every precision; the program as a user starts it, from nothing compiled.

`python -m engine.train` runs once for each precision; the first start finds no compiled kernels. What the device did
meanwhile is asked of nvidia-smi.
"""

import csv
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.cuda.part import Part, run_limited
from bench.cuda.sizes import sizes

SAMPLED = ("utilization.gpu", "memory.used", "power.draw", "clocks.sm")
"""Percent, MiB, W, MHz."""


def main() -> None:
    """Gradients and curves first, which prove something; training runs after; the CPU's curve, which compiles, last."""
    part = Part.from_command_line()
    chosen = sizes(part.rehearse)
    for device in ("gradients", "cuda"):
        prove(part, device)
    for number, precision in enumerate(chosen.train_precisions):
        limit = part.left / (len(chosen.train_precisions) - number)
        train(part, precision, chosen.train, chosen.train_settings, limit)
    prove(part, "cpu")


def prove(part: Part, what: str) -> None:
    """Gradients, or the loss curves of the device or of the CPU, in a process of its own."""
    command = ["bench.cuda.proofs.gradients"] if what == "gradients" else ["bench.cuda.curves", "--device", what]
    ended = run_limited([sys.executable, "-m", *command, *part.arguments()], part.left * 0.6)
    part.failure("gradients beside float64" if what == "gradients" else f"loss curves, {what}", ended)


def train(part: Part, precision: str, arguments: tuple[str, ...], settings: tuple[str, ...], limit: float) -> None:
    """One run of the program, one record; the cache of compiled kernels begins empty and serves the later runs."""
    config, run = part.folder / f"{precision}.toml", part.folder / f"run-{precision}"
    config.write_text("\n".join([f'precision = "{precision}"', *settings]) + "\n", encoding="utf-8")
    cache = part.folder / "cubin"
    cold = not cache.exists()
    command = [sys.executable, "-m", "engine.train", *arguments, "--config", str(config), "--out", str(run)]
    with sampled(part.folder / f"device-{precision}.csv") as samples:
        ended = run_limited(command, limit, CONVLSTM_CACHE_DIR=str(cache))
    epochs = read_metrics(run / "metrics.csv")
    part.record(
        "training",
        precision=precision,
        arguments=list(arguments),
        wall_s=ended.seconds,
        status=ended.status,
        error="" if ended.status == 0 else ended.why,
        first_start=cold,
        compiled=ended.output.count("compiling "),
        epochs=epochs,
        outside_epochs_s=ended.seconds - sum(epoch.get("seconds", 0.0) for epoch in epochs),
        device=summarise(samples),
    )


def read_metrics(path: Path) -> list[dict[str, float]]:
    """The rows of a run's metrics.csv; none if the run never came so far."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(file)]


@contextmanager
def sampled(path: Path) -> Iterator[Path]:
    """Ask nvidia-smi four times a second while the body runs; the file stays empty where there is none."""
    with path.open("wb") as file:
        if shutil.which("nvidia-smi") is None:
            yield path
            return
        query = f"--query-gpu={','.join(SAMPLED)}"
        command = ["nvidia-smi", query, "--format=csv,noheader,nounits", "-lms", "250"]
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.DEVNULL)
        try:
            yield path
            time.sleep(0.3)
        finally:
            process.terminate()
            process.wait()


def summarise(path: Path) -> dict[str, dict[str, float]]:
    """Mean and largest of each quantity that was sampled; empty if nothing was."""
    columns: dict[str, list[float]] = {name: [] for name in SAMPLED}
    for line in path.read_text(encoding="utf-8").splitlines():
        for name, cell in zip(SAMPLED, line.split(","), strict=False):
            try:
                columns[name].append(float(cell))
            except ValueError:  # "[N/A]", or a line that was cut off
                continue
    return {
        name: {"mean": round(statistics.fmean(values), 1), "max": max(values)}
        for name, values in columns.items()
        if values
    }


if __name__ == "__main__":
    main()
