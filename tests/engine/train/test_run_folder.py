"""A run's folder among other processes, on a full disk, and without its checkpoint."""

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.files import checkpoint
from engine.train.config import TrainConfig
from engine.train.folder import RunFolder, fresh_folder
from tests.engine.train.run_helpers import assert_same_end, run, start, wait_for, write_config

LONG = "samples = 24\nepochs = 2000\ncheckpoint_every = 1\n"


def _files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_that_runs_is_not_resumed_beside_itself(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config, folder = write_config(tmp_path, LONG), tmp_path / "run"
    process = start("--config", config, "--out", folder)
    try:
        wait_for(folder / "checkpoint.safetensors")
        assert run("--resume", folder) == 2
        errors = capfd.readouterr().err
        assert errors == f"train: resume: another process is training in {folder}; wait for it, or stop it first\n"
        assert run("--config", config, "--out", folder) == 2
        assert "exists already" in capfd.readouterr().err
    finally:
        process.kill()
        process.communicate()
    assert (folder / "running.lock").exists()
    done = len(checkpoint.load_checkpoint(folder / "checkpoint.safetensors").history)
    assert run("--resume", folder, "--epochs", done + 1) == 0
    assert not (folder / "running.lock").exists()


def test_two_runs_that_take_one_new_folder_do_not_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both found it free; one of them begins, the other one says so and leaves it alone."""
    config, folder = write_config(tmp_path, "epochs = 1\n"), tmp_path / "run"

    def begin_another(*arguments: object) -> None:
        monkeypatch.undo()
        assert run("--config", config, "--seed", 1, "--out", folder) == 0
        before.update(_files(folder))

    before: dict[Path, bytes] = {}
    monkeypatch.setattr("engine.train.program.choose_device", lambda device: begin_another() or ("reference", "chosen"))
    assert run("--config", config, "--seed", 2, "--out", folder) == 2
    assert before and _files(folder) == before


def test_of_two_that_find_one_folder_free_at_once_one_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both, check = threading.Barrier(2), RunFolder.check_free

    def check_together(folder: RunFolder) -> None:
        check(folder)
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(1)

    def begin(device: str) -> str | None:
        folder = RunFolder(tmp_path / "run")
        try:
            folder.begin(TrainConfig(), device, "digest")
        except ValueError:
            return None
        return folder.config.read_text()

    monkeypatch.setattr(RunFolder, "check_free", check_together)
    with ThreadPoolExecutor(2) as threads:
        (kept,) = filter(None, threads.map(begin, ["one", "other"]))
    assert (tmp_path / "run" / "config.json").read_text() == kept


def test_runs_that_start_in_one_second_get_folders_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(time, "strftime", lambda form: "20260101-000000")
    with ThreadPoolExecutor(8) as threads:
        folders = list(threads.map(fresh_folder, ["quick"] * 8))
    expected = ["quick-20260101-000000", *(f"quick-20260101-000000-{number}" for number in range(2, 9))]
    assert sorted(folder.path.name for folder in folders) == expected
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == expected


def test_the_default_folder_is_made_only_for_a_run_that_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("--data", "missing.npz", "--device", "reference") == 2
    assert not list(tmp_path.iterdir())
    assert run("--config", write_config(tmp_path, "epochs = 1\n")) == 0
    (folder,) = (tmp_path / "runs").iterdir()
    assert (folder / "model.safetensors").exists()


@pytest.mark.parametrize("out", ["file", "file/sub/run"])
def test_a_file_in_the_way_is_told_before_any_work(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    (tmp_path / "file").write_text("mine")
    monkeypatch.setattr("engine.train.program.make_run_data", lambda config: 1 / 0)
    assert run("--config", write_config(tmp_path), "--out", tmp_path / out) == 2
    assert f"out: expected a folder, or a name for one, got {tmp_path / out}" in capfd.readouterr().err


def test_a_run_that_lost_its_checkpoint_is_not_begun_again(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for epochs in (1, 2):
        folder = tmp_path / f"run{epochs}"
        assert run("--config", write_config(tmp_path), "--epochs", epochs, "--out", folder) == 0
        (folder / "checkpoint.safetensors").unlink()
        if epochs == 2:
            (folder / "model.safetensors").unlink()
        before = _files(folder)
        capfd.readouterr()
        assert run("--resume", folder) == 2
        errors = capfd.readouterr().err
        assert errors.count("\n") == 1 and "has no checkpoint.safetensors" in errors
        assert _files(folder) == before


def test_killed_before_its_first_checkpoint_it_begins_again(tmp_path: Path) -> None:
    """Between the first epoch's row in metrics.csv and its checkpoint."""
    config = write_config(tmp_path)
    assert run("--config", config, "--out", tmp_path / "whole") == 0
    assert run("--config", config, "--out", tmp_path / "killed") == 0
    for path in (tmp_path / "killed").glob("*.*"):
        if path.name not in ("config.json", "metrics.csv"):
            path.unlink()
    metrics = tmp_path / "killed" / "metrics.csv"
    metrics.write_text("".join(metrics.read_text().splitlines(keepends=True)[:2]))
    assert run("--resume", tmp_path / "killed") == 0
    assert_same_end(tmp_path / "whole", tmp_path / "killed")


@pytest.mark.parametrize("written", [0, 1])
def test_a_run_whose_checkpoints_fail_is_no_success(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    asked = []

    def on_a_full_disk(path: Path, state: checkpoint.Checkpoint) -> None:
        asked.append(path)
        if len(asked) > written:
            raise OSError(28, "No space left on device", str(path))
        checkpoint.save_checkpoint(path, state)

    monkeypatch.setattr("engine.train.loop.save_checkpoint", on_a_full_disk)
    folder = tmp_path / "run"
    assert run("--config", write_config(tmp_path), "--out", folder) == 1
    lines = capfd.readouterr().err.strip().splitlines()
    stays = "the version before stays" if written else "there is none"
    assert f"not written: {folder}/checkpoint.safetensors: No space left on device; {stays}" in lines
    assert lines[-1].startswith("train: the last checkpoint could not be written; ")
    if written:
        assert lines[-1].endswith(f"go on with: python -m engine.train --resume {folder}")
    else:
        assert "--resume cannot go on" in lines[-1]
        assert lines[-1].endswith(f"there is {folder}/model.safetensors and {folder}/best.safetensors")
