"""engine.keras3: the same classes with Keras 3's defaults, and the line that says so at run time."""

import copy
import inspect
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import engine
from engine import keras3
from engine.layers import LAYERS
from engine.models import keras3_habit
from engine.optimizers import OPTIMIZERS
from engine.support.keras3_differences import DEFAULTS

X = np.random.default_rng(0).random((2, 3, 4, 5, 1), dtype=np.float32)


@pytest.mark.parametrize("name", [name for name in DEFAULTS if name in LAYERS or name in OPTIMIZERS])
def test_a_default_of_the_table_is_keras_3_s(name: str) -> None:
    cls, other = getattr(engine, name), getattr(keras3, name)
    for argument, value in DEFAULTS[name].items():
        assert inspect.signature(other).parameters[argument].default == value
        assert inspect.signature(cls).parameters[argument].default != value


def test_it_is_there_when_it_is_named() -> None:
    code = "import engine; print(engine.keras3.ConvLSTM2D(2, 3).recurrent_activation)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "sigmoid"


def test_a_layer_of_keras3_is_the_engine_s() -> None:
    layer = keras3.ConvLSTM2D(2, 3)
    assert type(layer) is engine.ConvLSTM2D and isinstance(layer, keras3.ConvLSTM2D)
    assert layer.recurrent_activation == "sigmoid"
    assert keras3.ConvLSTM2D(2, 3, recurrent_activation="tanh").recurrent_activation == "tanh"
    assert keras3.Dropout is engine.Dropout and set(keras3.layers.__all__) == set(engine.layers.__all__)
    assert LAYERS["ConvLSTM2D"] is engine.ConvLSTM2D


def test_hard_sigmoid_is_keras_3_s() -> None:
    layer = keras3.ConvLSTM2D(2, 3, (1, 1), "same", None, 1, "hard_sigmoid", "hard_sigmoid")
    assert (layer.activation, layer.recurrent_activation) == ("hard_sigmoid_keras3",) * 2
    assert keras3.Dense(3, activation="hard_sigmoid").activation == "hard_sigmoid_keras3"
    assert keras3.Dense(3).activation == "linear"


def test_a_class_of_one_s_own_has_the_defaults_too() -> None:
    class Mine(keras3.ConvLSTM2D):
        def __init__(self, filters: int) -> None:
            super().__init__(filters, 3, padding="same")

    mine = Mine(4)
    assert type(mine) is Mine and isinstance(mine, engine.ConvLSTM2D)
    assert mine.recurrent_activation == "sigmoid"
    assert not isinstance(keras3.ConvLSTM2D(2, 3), Mine)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(TypeError, match="filters: given twice"):
        keras3.ConvLSTM2D(2, 3, filters=2)
    with pytest.raises(TypeError, match="expected at most"):
        keras3.Dense(*range(40))
    with pytest.raises(TypeError, match="unknown"):
        keras3.Dense(3, unknown=1)


def test_compile_and_optimizers() -> None:
    network = keras3.Sequential([keras3.Input((None, 4, 5, 1)), keras3.ConvLSTM2D(2, 3)], device="reference")
    network.compile(loss="mse")
    assert type(network.optimizer) is engine.RMSprop
    network.compile("adadelta", "mse")
    assert network.optimizer is not None and network.optimizer.get_config()["learning_rate"] == 0.001
    network.compile(keras3.Adadelta(0.5), "mse")
    assert network.optimizer.get_config()["learning_rate"] == 0.5
    assert type(keras3.optimizers.Adadelta()) is engine.Adadelta


def test_files_and_copies_know_no_difference(tmp_path: Path) -> None:
    layers = [keras3.Input((None, 4, 5, 1)), keras3.ConvLSTM2D(2, 3, padding="same"), keras3.Dense(1, "hard_sigmoid")]
    network = keras3.Sequential(layers, device="reference")
    for suffix in (".safetensors", ".keras"):
        network.predict(X)
        network.save(tmp_path / f"m{suffix}")
        loaded = engine.load_model(tmp_path / f"m{suffix}", device="reference")
        assert type(loaded) is engine.Sequential
        np.testing.assert_allclose(loaded.predict(X), network.predict(X), atol=1e-6)
    np.testing.assert_array_equal(copy.deepcopy(network).predict(X), network.predict(X))


def test_a_keras_3_habit_is_noted_once() -> None:
    def build(words: object, gates: str | None = None) -> None:
        options = {} if gates is None else {"recurrent_activation": gates}
        words.Sequential([words.Input((None, 4, 5, 1)), words.ConvLSTM2D(2, 3, **options)], device="reference")  # type: ignore[attr-defined]

    keras3_habit.say_once.cache_clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build(keras3)
        build(engine, "sigmoid")
        engine.Sequential([engine.ConvLSTM2D(2, 3, input_shape=(None, 4, 5, 1))], device="reference")
    with pytest.warns(UserWarning, match=r"engine\.keras3 in place of engine") as caught:
        build(engine)
        build(engine)
        tensor = engine.Input((None, 4, 5, 1))
        engine.Model(tensor, engine.ConvLSTM2D(2, 3)(tensor), device="reference")
    assert len(caught) == 1 and caught[0].filename == __file__
    keras3_habit.say_once.cache_clear()
    with pytest.warns(UserWarning, match="begins with Input"):
        engine.Model(tensor, engine.ConvLSTM2D(2, 3)(tensor), device="reference")
