"""write_atomically beside other processes: no torn file, no leftover that stays, and errors that name the file."""

import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.files.atomic import write_atomically
from tests.paths import ROOT

SIZE = 3_000_000

STUCK = """
import os, sys, time
from engine.files.atomic import write_atomically

def stuck(descriptor):
    print("writing", flush=True)
    time.sleep(600)

os.fsync = stuck
write_atomically(sys.argv[1], b"never there")
"""


def _write_for(path: Path, letter: bytes, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        write_atomically(path, letter * SIZE)


def _stuck_writer(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", STUCK, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    return process


def test_two_processes_that_write_one_file_never_tear_it(tmp_path: Path) -> None:
    path, context = tmp_path / "file", multiprocessing.get_context("spawn")
    write_atomically(path, b"a" * SIZE)
    writers = [context.Process(target=_write_for, args=(path, letter, 1.0)) for letter in (b"a", b"b")]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        content = path.read_bytes()
        assert content in (b"a" * SIZE, b"b" * SIZE)
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_the_next_write_removes_what_a_killed_process_left_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file[1]"
    for name in ("file[1].partial", "file[1].notes.partial", "file1.0123abcd.partial"):
        (tmp_path / name).write_text("mine")
    killed = _stuck_writer(path)
    killed.kill()
    killed.communicate()
    alive = _stuck_writer(path)
    try:
        assert len(list(tmp_path.iterdir())) == 4  # the living one has removed the dead one's
        write_atomically(path, b"new")
        assert path.read_bytes() == b"new"
        assert len(list(tmp_path.iterdir())) == 5
    finally:
        alive.kill()
        alive.communicate()
    write_atomically(path, b"newer")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [
        "file1.0123abcd.partial", "file[1]", "file[1].notes.partial", "file[1].partial",
    ]  # fmt: skip


def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "usual").write_bytes(b"")
    write_atomically(tmp_path / "ours", b"")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_interrupted_it_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "file", b"new")
    assert not list(tmp_path.iterdir())


def test_an_error_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "file"
    with pytest.raises(FileNotFoundError) as caught:
        write_atomically(path, b"")
    assert caught.value.filename == str(path)
    assert "partial" not in str(caught.value)
