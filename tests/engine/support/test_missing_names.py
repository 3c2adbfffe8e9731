"""A name that is not there is refused by what is, and by the nearest."""

import copy
import importlib
from types import ModuleType

import pytest

import engine
from engine.support.missing_names import REASONS

MODULES = [
    "engine", "engine.layers", "engine.optimizers", "engine.callbacks", "engine.losses", "engine.metrics",
    "engine.initializers", "engine.activations", "engine.regularizers", "engine.constraints", "engine.schedules",
]  # fmt: skip


@pytest.mark.parametrize("module", MODULES)
def test_an_import_says_what_exists(module: str) -> None:
    with pytest.raises(ImportError, match=f"^{module} has no 'Frobnicate'.*it has [A-Z].*, "):
        exec(f"from {module} import Frobnicate")


@pytest.mark.parametrize("module", MODULES)
def test_an_attribute_is_an_attribute_error_with_the_same_words(module: str) -> None:
    found = importlib.import_module(module)
    with pytest.raises(AttributeError, match=f"^{module} has no 'Frobnicate'"):
        _ = found.Frobnicate
    assert not hasattr(found, "Frobnicate") and not hasattr(found, "__wrapped__")


@pytest.mark.parametrize(
    ("name", "module", "near"),
    [
        ("ConvLSTM2d", engine, "ConvLSTM2D"),
        ("Batchnormalization", engine.layers, "BatchNormalization"),
        ("Adamax", engine.optimizers, "Adam"),
        ("EarlyStoping", engine.callbacks, "EarlyStopping"),
        ("MeanSquareError", engine.losses, "MeanSquaredError"),
    ],
)
def test_the_nearest_is_named(name: str, module: ModuleType, near: str) -> None:
    with pytest.raises(AttributeError, match=f"the nearest: {near}"):
        getattr(module, name)


@pytest.mark.parametrize("name", REASONS)
def test_what_is_left_out_on_purpose_says_why(name: str) -> None:
    with pytest.raises(ImportError, match=REASONS[name][:20]):
        exec(f"from engine.layers import {name}")
    assert not hasattr(engine, name)


def test_a_module_that_is_not_there_and_names_of_pythons_own_are_pythons() -> None:
    with pytest.raises(ModuleNotFoundError, match="No module named"):
        importlib.import_module("engine.frobnicate")
    with pytest.raises(AttributeError, match="module 'engine' has no attribute '__deepcopy__'"):
        _ = engine.__deepcopy__
    assert copy.copy(engine.Dropout(0.1)).rate == 0.1
