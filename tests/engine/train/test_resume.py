"""A run that is stopped in any way and resumed ends with the bits of a run that was never stopped."""

import json
import random
import signal
import time
from pathlib import Path

import pytest

from engine.files.checkpoint import load_checkpoint
from tests.engine.train.run_helpers import assert_same_end, run, start, wait_for, wait_for_training, write_config

LONGER = "samples = 24\nepochs = 12\nfilters = [2, 2]\n"
"""96 steps, about two seconds."""


def test_killed_at_random_moments(tmp_path: Path) -> None:
    """SIGKILL, again and again, wherever it hits: before the first step, inside a step, while a file is written."""
    config = write_config(tmp_path, LONGER + "checkpoint_every = 1\n")
    assert run("--config", config, "--out", tmp_path / "whole") == 0

    moments, steps = random.Random(), []
    folder = tmp_path / "killed"
    process = start("--config", config, "--out", folder)
    for delay in (0.0, *(moments.uniform(0.0, 0.5) for _ in range(4))):
        wait_for_training(process)
        time.sleep(delay)
        process.kill()
        process.communicate()
        if (folder / "checkpoint.safetensors").exists():
            loop = load_checkpoint(folder / "checkpoint.safetensors").loop
            steps.append((loop["epoch"], loop["step"]))
        process = start("--resume", folder)
    process.communicate()
    assert process.returncode == 0
    assert steps, "no kill hit while training"
    assert_same_end(tmp_path / "whole", folder)


def test_killed_in_the_first_epoch_without_a_checkpoint_it_begins_again(tmp_path: Path) -> None:
    config = write_config(tmp_path, LONGER)
    assert run("--config", config, "--out", tmp_path / "whole") == 0
    folder = tmp_path / "killed"
    process = start("--config", config, "--out", folder)
    wait_for(folder / "config.json")
    process.kill()
    process.communicate()
    assert not (folder / "checkpoint.safetensors").exists()
    assert run("--resume", folder) == 0
    assert_same_end(tmp_path / "whole", folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_stop_after_the_step_and_say_how_to_resume(tmp_path: Path, number: signal.Signals) -> None:
    config = write_config(tmp_path, LONGER)
    assert run("--config", config, "--out", tmp_path / "whole") == 0
    folder = tmp_path / "stopped"
    process = start("--config", config, "--out", folder)
    wait_for(folder / "metrics.csv")
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert f"python -m engine.train --resume {folder}" in errors
    assert "Traceback" not in errors
    checkpoint = load_checkpoint(folder / "checkpoint.safetensors")
    assert 0 < len(checkpoint.history) < 12
    assert run("--resume", folder) == 0
    assert_same_end(tmp_path / "whole", folder)


def test_more_epochs_later_are_the_same_epochs(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    assert run("--config", config, "--epochs", 3, "--out", tmp_path / "whole") == 0
    assert run("--config", config, "--epochs", 1, "--out", tmp_path / "parts") == 0
    assert run("--resume", tmp_path / "parts", "--epochs", 3) == 0
    assert_same_end(tmp_path / "whole", tmp_path / "parts")
    assert json.loads((tmp_path / "parts" / "config.json").read_text())["settings"]["epochs"] == 3


def test_checkpoints_within_an_epoch_change_nothing(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    assert run("--config", config, "--out", tmp_path / "epochs") == 0
    assert run("--config", config, "--checkpoint-every", 4, "--out", tmp_path / "steps") == 0
    assert_same_end(tmp_path / "epochs", tmp_path / "steps")


def test_resuming_a_finished_run_only_reports_again(tmp_path: Path) -> None:
    assert run("--config", write_config(tmp_path), "--out", tmp_path / "run") == 0
    model = (tmp_path / "run" / "model.safetensors").read_bytes()
    (tmp_path / "run" / "model.safetensors").unlink()
    (tmp_path / "run" / "rollout.gif").unlink()
    assert run("--resume", tmp_path / "run") == 0
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == model
    assert (tmp_path / "run" / "rollout.gif").exists()
