"""Layers declare what is known of them: nobody outside engine/layers asks for a class, and no layer forgot a thing."""

import ast
import re
from collections.abc import Iterator

import pytest

from engine.layers import LAYERS
from export.layers import NODES, WHOLE_NODES
from tests.paths import ROOT

NAMES = frozenset(LAYERS)

NOT_IN_KERAS = {"SpaceToDepth", "DepthToSpace"}
"""Layers that Keras has not, and its files refuse by name."""


def asked(source: str, names: bool = True) -> Iterator[tuple[int, str]]:
    """Line and text of each question for a layer's class: isinstance, issubclass, and with `names` a comparison."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in ("isinstance", "issubclass") and _names(node.args[1]) & NAMES:
                yield node.lineno, ast.unparse(node)
        elif names and isinstance(node, ast.Compare):
            texts = [each for side in (node.left, *node.comparators) for each in ast.walk(side)]
            if any(isinstance(each, ast.Constant) and each.value in NAMES for each in texts):
                yield node.lineno, ast.unparse(node)


def _names(tree: ast.AST) -> set[str]:
    """Every name that a piece of code uses, defines or imports."""
    found = set()
    for node in ast.walk(tree):
        for field in ("id", "attr", "name"):
            if isinstance(name := getattr(node, field, None), str):
                found.add(name)
    return found


def test_nobody_asks_for_a_layer_s_class() -> None:
    found = []
    for room in ("engine", "export", "bench"):
        for path in sorted((ROOT / room).rglob("*.py")):
            if path.is_relative_to(ROOT / "engine" / "layers"):
                continue
            names = room != "bench"  # which writes configurations for Keras itself
            questions = asked(path.read_text(encoding="utf-8"), names)
            found += [f"{path.relative_to(ROOT)}:{line}: {text}" for line, text in questions]
    assert found == [], "ask the layer: engine/layers/layer.py"


@pytest.mark.parametrize(
    "question",
    [
        "isinstance(layer, ConvLSTM2D)",
        "issubclass(kind, layers.Conv3D)",
        "isinstance(layer, (int, Dropout))",
        "kind == 'Conv3D'",
        "type(layer).__name__ in ('Conv3D', 'other')",
    ],
)
def test_each_kind_of_question_is_found(question: str) -> None:
    assert [text for _, text in asked(f"if {question}:\n    pass")] == [question]


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_declares_itself(name: str) -> None:
    layer = LAYERS[name]
    if name not in NOT_IN_KERAS:
        assert layer.__dict__.get("keras_form") is not None, f"{name}.keras_form: how Keras' files know it"
        assert layer.keras_form.class_name == name
    assert layer in NODES or layer in WHOLE_NODES, f"{name} has no *Nodes class in export/layers (nodes_for)"
    assert f"`{name}`" in (ROOT / "docs" / "layers.md").read_text(), f"docs/layers.md says nothing of {name}"


def test_a_layer_takes_five_files() -> None:
    """Dropout is the example of docs/adding/layer.md: no other source names it."""
    recipe = (ROOT / "docs" / "adding" / "layer.md").read_text(encoding="utf-8").split("## A layer of the engine")[1]
    steps = re.findall(r"^\d\. .*?`([\w/]+\.(?:py|md))`", recipe, re.MULTILINE)
    assert len(steps) == 5 and all((ROOT / path).exists() for path in steps)
    paths = [path for room in ("engine", "export", "kernels") for path in (ROOT / room).rglob("*.py")]
    named = [path for path in paths if "Dropout" in _names(ast.parse(path.read_text(encoding="utf-8")))]
    assert {path.relative_to(ROOT).as_posix() for path in named} < set(steps)
