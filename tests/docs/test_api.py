"""Every public name has a docstring that can be read alone, and pages are made of them."""

import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.paths import ROOT

PUBLIC = (
    "engine",
    "engine.callbacks",
    "engine.constraints",
    "engine.initializers",
    "engine.layers",
    "engine.losses",
    "engine.metrics",
    "engine.movies",
    "engine.optimizers",
    "engine.regularizers",
    "engine.schedules",
    "export",
)
"""The modules that users import from."""

_NEEDS_ITS_NEIGHBOUR = re.compile(r"(Of|The same|Likewise|Whether it|What it|Itself|Ditto|As above)\b")

Name = tuple[str, Any]
"""What users call it, and what it is."""


def named(module: ModuleType) -> Iterator[Name]:
    """The public classes and functions of a module: those of __all__, else those that are defined in it."""
    for name in getattr(module, "__all__", dir(module)):
        value = getattr(module, name)
        at_home = hasattr(module, "__all__") or getattr(value, "__module__", "") == module.__name__
        if not name.startswith("_") and at_home and (inspect.isclass(value) or inspect.isfunction(value)):
            yield f"{module.__name__}.{name}", value


def public() -> dict[str, Any]:
    """Public modules, their classes and functions, and the methods that these classes define, by name."""
    found: dict[str, Any] = {}
    for module in map(importlib.import_module, PUBLIC):
        found[module.__name__] = module
        for name, value in named(module):
            found[name] = value
            if inspect.isclass(value):
                found |= {f"{name}.{key}": item for key, item in methods(value)}
    return found


def methods(cls: type) -> Iterator[Name]:
    """The public methods and properties that a class defines."""
    for key, item in vars(cls).items():
        if not key.startswith("_") and isinstance(item, property | classmethod) | inspect.isfunction(item):
            yield key, getattr(cls, key)


@pytest.mark.quick
def test_public_names_have_docstrings_that_can_be_read_alone() -> None:
    # getdoc finds what a method inherits, which says the same of it.
    first_lines = {name: (inspect.getdoc(value) or "").partition("\n")[0] for name, value in public().items()}
    assert len(first_lines) > 100
    assert [name for name, line in first_lines.items() if len(line) < 10] == [], "have none"
    assert [name for name, line in first_lines.items() if _NEEDS_ITS_NEIGHBOUR.match(line)] == [], "lean on a neighbour"


@pytest.mark.quick
def test_no_class_shows_the_signature_that_dataclass_writes_in_place_of_a_docstring() -> None:
    generated = [n for n, value in public().items() if (value.__doc__ or "").startswith(f"{n.rpartition('.')[2]}(")]
    assert generated == []


def test_pages_are_made(tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "pdoc", "-o", tmp_path / "api", "engine", "engine.layers", "export"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    for name in sorted(set(PUBLIC) - {"engine.movies"}):  # what is public of it stands in engine
        assert (tmp_path / "api" / name.replace(".", "/")).with_suffix(".html").is_file(), name
