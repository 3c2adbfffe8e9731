"""No test is skipped in silence: where something that it needs is missing, it fails and says so."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.paths import ROOT

pytestmark = pytest.mark.quick

SKIPS = {"skip", "skipif", "importorskip", "xfail"}

ON_A_GPU_ONLY = {"tests/kernels/cuda/simulator/test_wgmma.py"}
"""Files whose skips depend on the GPU that was asked for with -m gpu; in the simulator they all run."""


def names_of_pytest(path: Path) -> Iterator[str]:
    """The attributes that a file takes from pytest and from pytest.mark, and those that it imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("pytest", "pytest.mark"):
            yield node.attr
        elif isinstance(node, ast.ImportFrom) and node.module == "pytest":
            yield from (alias.name for alias in node.names)


def test_no_test_is_skipped_or_expected_to_fail() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tests").rglob("*.py")
        if SKIPS & set(names_of_pytest(path))
    }
    assert found == ON_A_GPU_ONLY
