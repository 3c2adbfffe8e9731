"""The edits of docs/adding/, made in a copy of the repository."""

import re
import shutil
from pathlib import Path

from tests.docs.blocks import Block, blocks, read
from tests.paths import ROOT

COPIED = ("bench", "docs", "engine", "export", "kernels", "tests")


def copy_repository(target: Path) -> None:
    """Copy what runs and what tests it; compiled files stay behind."""
    for folder in COPIED:
        shutil.copytree(ROOT / folder, target / folder, ignore=shutil.ignore_patterns("__pycache__", "fixtures"))
    shutil.copy(ROOT / "pyproject.toml", target)


def edits(page: str) -> list[Block]:
    """The edits of a recipe in their order."""
    return [block for block in blocks(page) if block.directive("edit") is not None]


def edited_files(page: str) -> set[str]:
    """The files that the edits of a recipe touch or make."""
    return {str(block.directive("edit")) for block in edits(page)}


def listed_files(page: str) -> set[str]:
    """The files that a recipe lists without showing an edit: the first in each item of a numbered list."""
    return set(re.findall(r"^\d+\. [^`\n]*`([\w/.]+)`", read(page), re.MULTILINE))


def make_edit(block: Block, tree: Path) -> None:
    """Make one edit: a diff between lines that are there once, or a whole new file."""
    path = tree / str(block.directive("edit"))
    if block.language != "diff":
        assert not path.exists(), f"{block}: {path.name} is there already"
        path.write_text(block.text, encoding="utf-8")
        return
    lines = block.text.splitlines(keepends=True)
    old = "".join(line[1:] or "\n" for line in lines if line[0] != "+")
    new = "".join(line[1:] or "\n" for line in lines if line[0] != "-")
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{block}: stands {text.count(old)} times in {path.name}, not once:\n{old}"
    path.write_text(text.replace(old, new), encoding="utf-8")
