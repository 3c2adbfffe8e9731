"""Layers that reshape, in networks: gradients, streams, views, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine
from engine import (
    Conv2D,
    Conv3D,
    Cropping1D,
    Cropping2D,
    Cropping3D,
    Dense,
    Flatten,
    Permute,
    RepeatVector,
    Reshape,
    Sequential,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from engine.layers import Layer
from engine.layers.weight import time_major
from kernels.select import open_backend
from tests.engine.networks import FLOAT64_DEVICES
from tests.kernels.directional import check_direction
from tests.paths import FIXTURES

RANDOM = np.random.default_rng(3)
X = RANDOM.standard_normal((2, 3, 4, 5, 2))


@pytest.mark.parametrize("device", FLOAT64_DEVICES)
def test_gradients_are_the_numeric_ones(device: str) -> None:
    layers = [
        Conv3D(2, (1, 3, 3), activation="tanh", input_shape=X.shape[1:]),  # (3,2,3,2)
        ZeroPadding3D(((1, 0), (0, 2), (1, 1))),  # (4,4,5,2)
        Permute((2, 1, 3, 4)),
        Cropping3D(((0, 1), (1, 0), (0, 2))),  # (3,3,3,2)
        Reshape((-1, 9, 2)),
        Dense(3, "tanh"),  # (3,9,3)
        Reshape((27, 3)),
        Permute((2, 1)),
        Dense(2),  # (3,2)
        Flatten(),
        RepeatVector(4),
        Dense(5),  # (4,5)
        ZeroPadding1D((1, 0)),
        Reshape((5, 5, 1)),
        Conv2D(2, 2),  # (4,4,2)
        Reshape((2, 2, 4, 2)),
        Conv3D(1, 2),
    ]
    built = Sequential(layers, device=device, dtype="float64", seed=4)
    built.compile(loss="mse")
    built.build()
    y = RANDOM.standard_normal((2, *built.output_shape(X.shape[1:])))
    _, gradients = built.loss_and_gradients(X, y)
    for weight in built.weights:
        at = weight.to_host()

        def loss(value: np.ndarray[Any, Any], weight: Any = weight) -> float:
            weight.assign(value)
            return built.loss_and_gradients(X, y)[0]

        check_direction(loss, at, gradients[weight.name], weight.name)
        weight.assign(at)


@pytest.mark.parametrize(
    ("layer", "streams", "looks_ahead"),
    [
        (ZeroPadding3D(((0, 0), (1, 2), (3, 4))), True, False),
        (ZeroPadding3D(((2, 0), (1, 2), (3, 4))), False, False),
        (ZeroPadding3D(((0, 0), (1, 2), (3, 4)), data_format="channels_first"), False, False),
        (Cropping3D(((0, 0), (1, 0), (0, 1))), True, False),
        (Cropping3D(((1, 0), (1, 0), (0, 1))), False, True),
        (Permute((1, 4, 2, 3)), True, False),
        (Permute((2, 1, 3, 4)), False, True),
        (Reshape((3, 4, 5, 2)), False, False),
        (Flatten(), False, False),
    ],
)
def test_what_goes_frame_by_frame_streams(layer: Layer, streams: bool, looks_ahead: bool) -> None:
    assert (layer.can_stream, layer.looks_ahead) == (streams, looks_ahead)


def test_a_rollout_through_them() -> None:
    layers: list[Layer] = [
        Conv3D(2, (1, 3, 3), input_shape=(None, 4, 5, 2)),
        Permute((1, 3, 2, 4)),
        ZeroPadding3D(((0, 0), (1, 2), (2, 1))),
        Cropping3D(((0, 0), (0, 1), (0, 1))),
        Permute((1, 3, 2, 4)),
    ]
    built = Sequential(layers, device="reference", dtype="float64", seed=4)
    track = X[0]
    for frame in built.rollout(track, 2):
        np.testing.assert_allclose(frame, built.predict(track[np.newaxis])[0, -1], atol=1e-6)
        track = np.concatenate([track, frame[np.newaxis]])


@pytest.mark.parametrize(
    ("layer", "shape", "batch"),
    [
        (Flatten(), (3, 4, 5, 2), 1),
        (Flatten(), (1, 4, 5, 2), 3),
        (Flatten(), (4, 5, 2), 3),
        (Reshape((3, 20, 1, 2)), (3, 4, 5, 2), 2),
        (Reshape((2, 10)), (4, 5), 3),
        (Permute((2, 1, 3)), (1, 5, 2), 3),
    ],
)
def test_what_leaves_memory_as_it_is_is_a_view(layer: Layer, shape: tuple[int, ...], batch: int) -> None:
    backend = open_backend("reference", "float64")
    x = RANDOM.standard_normal(time_major(shape, batch))
    bound = layer.bind(backend, shape, batch, training=True)
    y = bound.forward(x)
    assert np.shares_memory(x, y)
    dx = bound.backward(y, need_dx=True)
    assert dx is not None and dx.shape == x.shape and np.shares_memory(dx, y)


@pytest.mark.parametrize(
    ("layer", "shape", "out"),
    [
        (Flatten(), (None, 4, 5, 2), (None,)),
        (Reshape((-1, 2)), (None, 4, 2), (None, 2)),
        (Reshape((8, 2)), (None, 4, 2), (8, 2)),
        (Permute((2, 3, 1)), (None, 4, 2), (4, 2, None)),
        (RepeatVector(3), (None,), (3, None)),
        (ZeroPadding2D(), (None, 4, 2), (None, 6, 2)),
        (Cropping2D(2, "channels_first"), (None, 5, 6), (None, 1, 2)),
    ],
)
def test_sizes_that_are_not_known(layer: Layer, shape: Any, out: Any) -> None:
    assert layer.output_shape(shape) == out


def test_weights_behind_an_unknown_size_ask_for_it() -> None:
    built = Sequential([Conv3D(2, 1, input_shape=(None, 4, 5, 2)), Flatten(), Dense(3)], device="reference")
    with pytest.raises(ValueError, match="input_shape: the channels of dense's input must be known"):
        built.build()


@pytest.mark.parametrize(
    ("says", "make"),
    [
        ("target_shape: expected 1 to 4 sizes", lambda: Reshape(6)),
        ("target_shape: expected 1 to 4 sizes", lambda: Reshape((1, 1, 1, 1, 6))),
        ("target_shape: expected sizes of at least 1, and at most one -1", lambda: Reshape((-1, -1))),
        ("target_shape: expected sizes of at least 1, and at most one -1", lambda: Reshape((0, 3))),
        ("target_shape: .* has 40 numbers", lambda: Reshape((-1, 3)).output_shape((4, 5, 2))),
        ("target_shape: .* has 40 numbers", lambda: Reshape((20,)).output_shape((4, 5, 2))),
        ("dims: expected an integer of at least 1", lambda: Permute((0, 1))),
        ("dims: expected the numbers from 1", lambda: Permute(2)),
        ("dims: expected the numbers from 1", lambda: Permute((1, 3))),
        ("dims: permute has 2 of them", lambda: Permute((2, 1)).output_shape((3, 4, 5))),
        ("n: expected", lambda: RepeatVector(0)),
        ("repeat_vector: expected vectors", lambda: RepeatVector(2).output_shape((3, 4))),
        ("padding: expected", lambda: ZeroPadding1D(-1)),
        ("padding: expected", lambda: ZeroPadding1D((1, 2, 3))),
        ("padding: expected a whole number or one entry for each of 2 axes", lambda: ZeroPadding2D((1, 2, 3))),
        ("cropping: expected a whole number or two of them", lambda: Cropping3D((1, (1, 2, 3), 1))),
        ("data_format: expected", lambda: ZeroPadding3D(1, data_format="last")),
        ("cropping: cropping1d takes away .* nothing is left", lambda: Cropping1D(2).output_shape((4, 5))),
        ("zero_padding2d: expected an input of 4 axes", lambda: ZeroPadding2D().output_shape((3, 4, 5, 2))),
        ("data_format: expected", lambda: Flatten("first")),
    ],
)
def test_it_is_refused(says: str, make: Any) -> None:
    with pytest.raises(ValueError, match=says):
        make()


@pytest.mark.parametrize("back", [".keras", ".h5", ".safetensors"])
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_file_of_keras_predicts_what_keras_predicted(suffix: str, back: str, tmp_path: Path) -> None:
    with np.load(FIXTURES / "keras_shapes.npz", allow_pickle=False) as kept:
        x, prediction = kept["network/x"], kept["network/prediction"]
    network = engine.load_model(FIXTURES / f"keras_shapes{suffix}", device="reference")
    np.testing.assert_allclose(network.predict(x), prediction, atol=1e-6)
    network.save(tmp_path / f"back{back}")
    again = engine.load_model(tmp_path / f"back{back}", device="reference")
    assert again.get_config() == network.get_config()
    np.testing.assert_array_equal(again.predict(x), network.predict(x))
