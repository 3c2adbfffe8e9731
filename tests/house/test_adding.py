"""The recipes of docs/adding/, followed to the letter in a copy of the repository: they work, and touch few files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.recipes import copy_repository, edited_files, edits, listed_files, make_edit

LIMITS = {"activation": 4, "optimizer": 8, "loss": 7, "layer": 5, "kernel": 6}
"""Files that a recipe may touch, the new ones included."""

TAKEN_UP = [f"test_{name}.py" for name in ("elementwise", "losses", "optimizers")] + [
    "cuda/conv3d/test_conv3d_pointwise.py"
]
ADDED = "hard_silu or lion or charbonnier or pointwise"


def page(recipe: str) -> str:
    return f"docs/adding/{recipe}.md"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository in which all recipes were followed."""
    copy = tmp_path_factory.mktemp("adding")
    copy_repository(copy)
    for recipe in LIMITS:
        for edit in edits(page(recipe)):
            make_edit(edit, copy)
    return copy


def run_in(tree: Path, *command: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    environment.pop("NUMBA_CACHE_DIR", None)
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.quick
@pytest.mark.parametrize("recipe", LIMITS)
def test_a_recipe_touches_few_files(recipe: str) -> None:
    assert 0 < len(edited_files(page(recipe)) | listed_files(page(recipe))) <= LIMITS[recipe]


def test_what_was_added_trains_is_saved_loaded_and_exported(tree: Path, tmp_path: Path) -> None:
    run_in(tree, "tests.house.use_additions", str(tmp_path))


def test_the_tests_of_the_tables_take_up_what_was_added(tree: Path) -> None:
    run_in(tree, "pytest", "-p", "no:cacheprovider", "-k", ADDED, *(f"tests/kernels/{name}" for name in TAKEN_UP))


def test_the_code_of_the_recipes_is_in_the_style_of_the_house(tree: Path) -> None:
    files = sorted(name for recipe in LIMITS for name in edited_files(page(recipe)) if name.endswith(".py"))
    run_in(tree, "ruff", "check", *files)
    run_in(tree, "ruff", "format", "--check", *files)
