"""Programs whose output nobody reads any more: they do their work all the same, and say nothing about it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.support.command_line import run_program
from tests.engine.train.run_helpers import run, start, write_config
from tests.paths import ROOT


def test_training_goes_on_when_its_readers_leave(tmp_path: Path) -> None:
    config = write_config(tmp_path, "epochs = 40\n")
    process = start("--config", config, "--out", tmp_path / "run")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    process.stderr.close()
    assert process.wait(120) == 0
    assert run("--config", config, "--out", tmp_path / "heard") == 0
    for name in ("model.safetensors", "report.json", "frames/1_animate.png"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "heard" / name).read_bytes()


def test_predict_and_export_are_quiet_about_it(tmp_path: Path) -> None:
    assert run("--config", write_config(tmp_path), "--out", tmp_path / "run") == 0
    np.save(tmp_path / "movies.npy", np.zeros((1, 3, 6, 6, 1)))
    model, out, onnx = tmp_path / "run" / "model.safetensors", tmp_path / "out.npz", tmp_path / "m.onnx"
    movies = ["--input", tmp_path / "movies.npy", "--device", "reference"]
    for command in (["engine.predict", model, *movies, "--out", out], ["export", model, "-o", onnx]):
        reader, writer = os.pipe()
        os.close(reader)
        arguments = [sys.executable, "-u", "-m", *map(str, command)]
        done = subprocess.run(arguments, check=False, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True)
        os.close(writer)
        assert (done.returncode, done.stderr) == (0, "")
    assert out.exists() and onnx.exists()


def test_a_program_without_standard_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    def program() -> int:
        print("heard?")
        print("heard?", file=sys.stderr, flush=True)
        return int(sys.stderr.isatty())

    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert run_program("prog", program) == 0
