"""Pooling and up-sampling in networks: streams, other names, files of Keras 1, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine
from engine import Conv3D, MaxPooling2D, MaxPooling3D, Sequential, UpSampling2D, UpSampling3D
from engine.files.keras.keras1 import modern_entry
from engine.files.keras.layer_arguments import engine_arguments
from engine.graph.rollout import can_stream
from engine.layers import LAYERS, Layer, pooling
from tests.paths import FIXTURES

SHAPE = (None, 6, 8, 1)


@pytest.mark.parametrize(
    ("layer", "streams"),
    [
        (MaxPooling3D((1, 2, 2)), True),
        (MaxPooling3D((2, 2, 2)), False),
        (MaxPooling3D(1, strides=(2, 1, 1)), False),
        (MaxPooling3D((1, 2, 2), data_format="channels_first"), False),
        (engine.AveragePooling3D((1, 2, 2)), True),
        (MaxPooling2D(2), True),
        (UpSampling2D(2), True),
        (UpSampling3D((1, 2, 2)), True),
        (UpSampling3D(2), False),
        (engine.GlobalMaxPooling3D(), False),
    ],
)
def test_what_streams(layer: Layer, streams: bool) -> None:
    assert layer.can_stream == streams


@pytest.mark.parametrize("device", ["reference", "cpu"])
def test_a_stream_of_frames_is_the_movie_s_frames(device: str) -> None:
    layers = [
        Conv3D(2, (2, 3, 3), padding="causal", activation="tanh", input_shape=SHAPE),
        MaxPooling3D((1, 2, 2)),
        engine.AveragePooling3D((1, 3, 2), strides=1, padding="same"),
        UpSampling3D((1, 2, 2)),
        Conv3D(1, (2, 1, 1), padding="causal"),
    ]
    network = Sequential(layers, device=device, seed=3)
    network.build()
    assert can_stream(network.graph)
    track = np.random.default_rng(0).random((3, *SHAPE[1:]), dtype=np.float32)
    for frame in network.rollout(track, 3):
        np.testing.assert_allclose(frame, network.predict(track[np.newaxis])[0, -1], atol=1e-6)
        track = np.concatenate([track, frame[np.newaxis]])


def test_keras_shorter_names_are_the_same_classes() -> None:
    for short, long in (("MaxPool", "MaxPooling"), ("AvgPool", "AveragePooling")):
        for name in ("", "Global"):
            for rank in (1, 2, 3):
                assert getattr(engine, f"{name}{short}{rank}D") is getattr(engine, f"{name}{long}{rank}D")
    assert len(set(pooling.__all__)) == 24


@pytest.mark.parametrize(
    ("class_name", "config", "expected"),
    [
        (
            "MaxPooling1D",
            {"pool_length": 3, "stride": 2, "border_mode": "same"},
            {"pool_size": [3], "strides": [2], "padding": "same"},
        ),
        (
            "MaxPooling3D",
            {"pool_size": [2, 2, 2], "strides": [1, 1, 1], "border_mode": "valid"},
            {"pool_size": [2, 2, 2], "strides": [1, 1, 1], "padding": "valid"},
        ),
        (
            "AveragePooling2D",
            {"pool_size": [2, 3], "strides": None, "dim_ordering": "th"},
            {"pool_size": [2, 3], "strides": [2, 3], "data_format": "channels_first"},
        ),
        ("UpSampling1D", {"length": 3}, {"size": 3}),
        ("UpSampling2D", {"size": [2, 3], "dim_ordering": "tf"}, {"size": [2, 3], "data_format": "channels_last"}),
        ("GlobalAveragePooling2D", {"dim_ordering": "th"}, {"data_format": "channels_first", "keepdims": False}),
    ],
)
def test_words_of_keras_1(class_name: str, config: dict[str, Any], expected: dict[str, Any]) -> None:
    entry = modern_entry({"class_name": class_name, "config": {"name": "layer", **config}})
    layer = LAYERS[class_name](**engine_arguments(entry, 1, [], []))
    assert {name: layer.get_config()[name] for name in expected} == expected


@pytest.mark.parametrize("back", [".keras", ".h5", ".safetensors"])
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_file_of_keras_predicts_what_keras_predicted(suffix: str, back: str, tmp_path: Path) -> None:
    with np.load(FIXTURES / "keras_pooling.npz", allow_pickle=False) as kept:
        x, prediction = kept["network/x"], kept["network/prediction"]
    network = engine.load_model(FIXTURES / f"keras_pooling{suffix}", device="reference")
    np.testing.assert_allclose(network.predict(x), prediction, atol=1e-6)
    network.save(tmp_path / f"back{back}")
    again = engine.load_model(tmp_path / f"back{back}", device="reference")
    assert again.get_config() == network.get_config()
    np.testing.assert_array_equal(again.predict(x), network.predict(x))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: MaxPooling2D((2, 2, 2)), "pool_size: expected an integer or 2 integers"),
        (lambda: MaxPooling2D(0), "pool_size: expected an integer of at least 1, got 0"),
        (lambda: MaxPooling2D(2, strides=0), "strides: expected an integer of at least 1, got 0"),
        (lambda: MaxPooling2D(2, padding="causal"), "padding: expected one of 'valid', 'same', got 'causal'"),
        (lambda: MaxPooling2D(2, data_format="last"), "data_format: expected one of"),
        (lambda: engine.GlobalMaxPooling2D(keepdims=1), "keepdims: expected True or False, got 1"),
        (lambda: UpSampling2D(0), "size: expected an integer of at least 1, got 0"),
        (lambda: UpSampling2D(2, interpolation="area"), "interpolation: expected one of 'nearest', 'bilinear'"),
        (lambda: MaxPooling3D(4).output_shape((3, 8, 8, 1)), "pool_size: a window of 4 with .* into 3 frames"),
        (lambda: MaxPooling2D(4).output_shape((8, 3, 1)), "pool_size: a window of 4 with .* into 3 columns"),
        (lambda: MaxPooling3D(1).output_shape((8, 8, 1)), "expected movies, five axes"),
        (lambda: MaxPooling2D(1).output_shape((8, 1)), "expected an input of at least 4 axes"),
        (lambda: engine.GlobalMaxPooling2D().output_shape((3, 8, 8, 1)), "expected an input of 4 axes"),
    ],
)
def test_what_is_refused(make: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


def test_any_size_goes_through() -> None:
    assert MaxPooling3D((1, 2, 2)).output_shape((None, None, 7, 3)) == (None, None, 3, 3)
    assert engine.GlobalMaxPooling3D().output_shape((None, None, None, 3)) == (3,)
    assert UpSampling2D((2, 3)).output_shape((4, None, 5, 3)) == (4, None, 15, 3)
