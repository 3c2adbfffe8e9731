"""What is no use is refused at the door, by the argument's name, before anything moves."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import Conv3D, ConvLSTM2D, Sequential, callbacks, initializers, optimizers
from tests.engine.networks import movies, seed_like, targets

X = movies()
Y = targets(X)


def compiled(dtype: str = "float64") -> Sequential:
    network = seed_like("reference", dtype)
    network.compile(loss="mse", optimizer="sgd")
    return network


def fitted(**arguments: Any) -> Sequential:
    network = compiled()
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
        ("x: expected a value for each input.* unknown .'a'", lambda _: seed_like("reference").fit({"a": X}, Y)),
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
        ("x: expected an array of numbers", lambda _: compiled().test_on_batch(None, None)),
        ("y: expected an array of numbers", lambda _: compiled().test_on_batch(X, None)),
        ("x: expected an array of numbers", lambda _: compiled().predict([[1.0], [1.0, 2.0]])),
        ("steps: expected an integer of at least 1, got 0", lambda _: compiled().evaluate(X, Y, steps=0)),
        ("validation_batch_size: .* got 0", lambda _: fitted(validation_data=(X, Y), validation_batch_size=0)),
        ("lr: SGD has no such argument, got 0.1; it is called learning_rate", lambda _: optimizers.SGD(lr=0.1)),
        ("decay: Adam .*InverseTimeDecay", lambda _: optimizers.Adam(decay=0.1)),
        ("beta_3: AdamW has no such argument, got 1", lambda _: optimizers.AdamW(beta_3=1)),
        ("layers: expected a list of layers, got 3", lambda _: Sequential(3)),
        ("seed: expected an integer of at least 0, got -1", lambda _: Sequential(seed=-1)),
        ("seed: expected an integer of at least 0, got 1.5", lambda _: Sequential(seed=1.5)),
        ("seed: expected an integer of at least 0, got 'a'", lambda _: initializers.GlorotUniform(seed="a")),
        ("seed: expected an integer of at least 0, got -1", lambda _: initializers.Orthogonal(seed=-1)),
        ("min_lr: expected a number", lambda _: callbacks.ReduceLROnPlateau(min_lr="a")),
        (r"batch_input_shape\[0\]: .* got -1", lambda _: ConvLSTM2D(3, 3, batch_input_shape=(-1, None, 8, 8, 1))),
        ("name: expected a non-empty string", lambda _: setattr(ConvLSTM2D(3, 3), "name", "a/b")),
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


@pytest.mark.parametrize("value", [1e300, -1e39])
def test_numbers_that_float32_cannot_hold_are_refused(value: float) -> None:
    big = np.array(X, np.float64)
    big[1, 2, 3, 4, 0] = value
    network = compiled("float32")
    at = r"expected numbers that float32 holds, up to 3.4e\+38, got .* at index \[1, 2, 3, 4, 0\]"
    for call in (network.predict, lambda x: network.evaluate(x, Y), lambda x: network.train_on_batch(x, Y)):
        with pytest.raises(ValueError, match="x: " + at):
            call(big)
    with pytest.raises(ValueError, match="track: " + at):
        network.rollout(big, 1)
    targets_too_big = np.array(Y, np.float64)
    targets_too_big[1, 2, 3, 4, 0] = value
    with pytest.raises(ValueError, match="y: " + at):
        network.fit(X, targets_too_big, verbose=0)


def test_what_float32_can_hold_and_float64_passes() -> None:
    network = Sequential([Conv3D(1, 1, use_bias=False, input_shape=(None, 2, 2, 1))], device="reference")
    assert np.isfinite(network.predict(np.full((1, 1, 2, 2, 1), 1e38), verbose=0)).all()
    wide = Sequential([Conv3D(1, 1, input_shape=(None, 2, 2, 1))], device="reference", dtype="float64")
    assert np.isfinite(wide.predict(np.full((1, 1, 2, 2, 1), 1e300), verbose=0)).all()
