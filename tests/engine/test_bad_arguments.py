"""What is no use is refused at the door, by the argument's name, before anything moves."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import Conv3D, ConvLSTM2D, Sequential, callbacks
from tests.engine.networks import movies, seed_like, targets

X = movies()
Y = targets(X)


def fitted(**arguments: Any) -> Sequential:
    network = seed_like("reference")
    network.compile(loss="mse", optimizer="sgd")
    network.fit(X, Y, verbose=0, **arguments)
    return network


def save_and_load_weights(path: Path) -> None:
    network = seed_like("reference")
    network.save(path / "own.safetensors")
    network.load_weights(path / "own.safetensors")


@pytest.mark.parametrize(
    ("match", "call"),
    [
        ("callbacks: expected objects of", lambda _: fitted(callbacks=[callbacks.EarlyStopping])),
        ("callbacks: expected objects of", lambda _: fitted(callbacks=callbacks.EarlyStopping)),
        ("shuffle: expected True or False, got 'batch'", lambda _: fitted(shuffle="batch")),
        ("x: expected an array of movies, or batches.*got dict", lambda _: seed_like("reference").fit({"a": 1})),
        ("x: expected an array of numbers", lambda _: seed_like("reference").predict_on_batch(None)),
        ("dtype: expected 'float32' or 'float64', got 'foo'", lambda _: Sequential(dtype="foo")),
        ("dtype: expected 'float32' or 'float64', got 'int32'", lambda _: Sequential(dtype="int32")),
        ("layers: expected a list of layers", lambda _: Sequential(ConvLSTM2D(3, 3))),
        ("input_shape: expected .* got .*True", lambda _: ConvLSTM2D(3, 3, input_shape=(None, True, 8, 1))),
        ("seed: expected an integer of at least 0, got -1", lambda _: ConvLSTM2D(3, 3, seed=-1)),
        ("patience: expected an integer of at least 0, got -1", lambda _: callbacks.EarlyStopping(patience=-1)),
        ("patience: expected an integer of at least 0, got 'a'", lambda _: callbacks.ReduceLROnPlateau(patience="a")),
        ("opset: expected an integer", lambda path: seed_like("reference").export(path / "a.onnx", opset=18.0)),
        ("load_model opens the engine's own", save_and_load_weights),
    ],
)  # fmt: skip
def test_it_is_named(match: str, call: Callable[[Path], Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=match):
        call(tmp_path)


def test_sizes_may_be_numpys() -> None:
    layer = ConvLSTM2D(3, 3, input_shape=(None, np.int64(8), np.int32(7), 1))
    assert layer.input_shape == (None, 8, 7, 1)
    assert all(size is None or type(size) is int for size in layer.input_shape)


def test_weights_that_are_no_numbers_are_not_exported(tmp_path: Path) -> None:
    network = Sequential([Conv3D(1, (1, 3, 3), padding="same", input_shape=(None, 4, 5, 1))], device="reference")
    network.build()
    weights = network.get_weights()
    weights[0][0, 0, 0] = np.nan
    network.set_weights(weights)
    with pytest.raises(ValueError, match="conv3d/kernel holds NaN or infinity"):
        network.export(tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())
