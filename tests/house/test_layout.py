"""Folders that can be looked over, files of one idea."""

import subprocess
from collections import Counter
from pathlib import Path

from tests.paths import ROOT

MOST_FILES, MOST_LINES = 25, 300
DATA = ("tests/fixtures/", "bench/results/", "docs/images/")


def files() -> list[Path]:
    """Every file of the repository but data."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [Path(name) for name in listed.splitlines() if not name.startswith(DATA)]


def test_no_folder_has_more_files_than_one_can_look_over() -> None:
    counts = Counter(str(path.parent) for path in files())
    assert {folder: count for folder, count in counts.items() if count > MOST_FILES} == {}


def test_no_source_file_is_longer_than_one_idea() -> None:
    sources = [path for path in files() if path.suffix in (".py", ".cu", ".cuh", ".cpp", ".h")]
    lengths = {str(path): len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in sources}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def test_kernel_files_have_names_of_their_own() -> None:
    names = Counter(path.name for path in files() if path.suffix in (".cu", ".cuh"))
    assert [name for name, count in names.items() if count > 1] == []
