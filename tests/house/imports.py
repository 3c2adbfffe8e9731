"""Who imports whom: every import of every file, deferred ones and type hints included, and every #include."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.paths import ROOT

PACKAGES = ("bench", "engine", "export", "kernels")
CUDA = ROOT / "kernels" / "cuda"

Edge = tuple[str, str]
"""The importing module and the imported one, by their dotted names."""


@cache
def modules() -> dict[str, Path]:
    """Every Python module of the packages, by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def module_edges() -> set[Edge]:
    """All imports between modules of the packages."""
    return {(name, target) for name, path in modules().items() for target in _imported(path) if target != name}


def include_edges() -> set[Edge]:
    """All #includes between CUDA files, each file named like a module of its room."""
    edges = set()
    for path in sorted(CUDA.rglob("*.cu*")):
        for included in re.findall(r'^#include "([^"]+)"', path.read_text(encoding="utf-8"), re.MULTILINE):
            if (CUDA / included).is_file():  # the simulator's headers are C++ and no kernel's
                edges.add((_as_module(path), _as_module(CUDA / included)))
    return edges


def circles(edges: set[Edge]) -> list[list[str]]:
    """Groups of files that reach each other, largest first (Tarjan 1972)."""
    below: dict[str, list[str]] = {}
    for source, target in sorted(edges):
        below.setdefault(source, []).append(target)
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for target in below.get(name, []):
            if target not in index:
                visit(target)
                low[name] = min(low[name], low[target])
            elif target in stack:
                low[name] = min(low[name], index[target])
        if low[name] == index[name]:
            start = stack.index(name)
            group = stack[start:]
            del stack[start:]
            if len(group) > 1:
                groups.append(sorted(group))

    for name in sorted(below):
        if name not in index:
            visit(name)
    return sorted(groups, key=len, reverse=True)


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in modules():
                    yield alias.name
        elif isinstance(node, ast.ImportFrom) and node.module in modules():
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                yield submodule if submodule in modules() else node.module


def _as_module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).parts)
