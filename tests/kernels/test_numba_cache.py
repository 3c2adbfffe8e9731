"""Compiled functions where no cache can be kept, where it is damaged, and where its disk is full."""

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.paths import ROOT

DOUBLES = """
from kernels.numba_cache import cached_njit

@cached_njit
def twice(x):
    return 2 * x

print(twice(21), dict(twice.stats.cache_hits))
"""


def run(folder: Path, program: str, **options: Any) -> tuple[str, str]:
    """What a program prints on either stream; its functions' cache is in `folder`."""
    script = folder / "program.py"
    script.write_text(program)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(folder / "cache")}
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr


def test_a_second_process_finds_what_the_first_compiled(tmp_path: Path) -> None:
    assert run(tmp_path, DOUBLES) == ("42 {}", "")
    assert run(tmp_path, DOUBLES)[0] == "42 {(int64,): 1}"


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_damaged_cache_is_made_anew(tmp_path: Path, suffix: str, share: float) -> None:
    run(tmp_path, DOUBLES)
    (file,) = (tmp_path / "cache").rglob(f"*.{suffix}")
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    assert run(tmp_path, DOUBLES) == ("42 {}", "")
    assert run(tmp_path, DOUBLES)[0] == "42 {(int64,): 1}"


def test_a_full_disk_costs_the_cache_and_is_said_once(tmp_path: Path) -> None:
    more = DOUBLES + "twice(1.5)\n"
    printed, warned = run(tmp_path, more, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64)))
    assert printed == "42 {}"
    assert warned.count("NUMBA_CACHE_DIR") == 1 and "cannot be kept in" in warned


def test_the_engine_runs_where_no_folder_can_be_written(tmp_path: Path) -> None:
    program = """
from numba.core import caching
caching.CacheImpl._locator_classes = []
import engine
print(engine.generate_movies(2, 3, seed=0)[0].shape)
"""
    printed, warned = run(tmp_path, program)
    assert printed == "(2, 3, 40, 40, 1)"
    assert warned.count("NUMBA_CACHE_DIR") == 1 and "no folder for compiled kernels" in warned
