"""Tiny training runs, in this process or in one of their own that can be killed."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from engine import train
from engine.files.checkpoint import load_checkpoint
from tests.paths import ROOT

TINY = """
filters = [2]
batch_norm_momentum = 0.9
head_kernel_size = [1, 3, 3]
frames = 3
batch_size = 2
samples = 16
epochs = 2
validation_split = 0.2
device = "reference"
"""
"""16 movies: 11 to train on in 6 steps, 3 to validate, 2 held out."""


def write_config(folder: Path, extra: str = "", without: tuple[str, ...] = ()) -> Path:
    """A TOML file for a run that takes well under a second; `extra` lines replace those of TINY."""
    dropped = {line.split("=")[0].strip() for line in extra.splitlines()} | set(without)
    lines = [line for line in TINY.splitlines() if line.split("=")[0].strip() not in dropped]
    path = folder / "tiny.toml"
    path.write_text("\n".join([*lines, extra]))
    return path


def run(*arguments: object) -> int:
    """engine.train in this process."""
    return train.main([str(argument) for argument in arguments])


def start(*arguments: object, **options: object) -> subprocess.Popen[str]:
    """engine.train in a process of its own."""
    command = [sys.executable, "-m", "engine.train", *map(str, arguments)]
    return subprocess.Popen(  # type: ignore[call-overload]
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def wait_for_training(process: subprocess.Popen[str]) -> None:
    """Until the process is about to take its first step."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("folder:"):
            return
    assert process.stderr is not None
    raise AssertionError(f"training never began: {process.stderr.read()}")


def wait_for(path: Path, seconds: float = 60) -> None:
    """Until the file exists."""
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.002)


def assert_same_end(first: Path, second: Path) -> None:
    """Two runs ended with the same bits: model, best model, accumulators, losses."""
    for name in ("model.safetensors", "best.safetensors"):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    one, other = (load_checkpoint(folder / "checkpoint.safetensors") for folder in (first, second))
    assert one.arrays.keys() == other.arrays.keys()
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(array, other.arrays[name], err_msg=name)
    assert one.loop == other.loop
    for row, other_row in zip(one.history, other.history, strict=True):
        assert {k: row[k] for k in ("epoch", "step", "loss", "val_loss")} == {
            k: other_row[k] for k in ("epoch", "step", "loss", "val_loss")
        }
