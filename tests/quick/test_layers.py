"""Each layer once through all that a network does, on every back end; and once through every kind of file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import engine
from engine import (
    Conv1D,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    Cropping3D,
    Dense,
    DepthToSpace,
    MaxPooling3D,
    Model,
    Sequential,
    SpaceToDepth,
    ZeroPadding3D,
)
from engine.layers import LAYERS, Input, Layer, merging
from export import OnnxNetwork
from tests.simulated import simulate_device

pytestmark = pytest.mark.quick

FRAME = (None, 5, 6, 1)
RANDOM = np.random.default_rng(5)
X = RANDOM.random((2, 4, *FRAME[1:]), dtype=np.float32)
Y = (RANDOM.random(X.shape) > 0.5).astype(np.float32)

ARGUMENTS: dict[str, dict[str, Any]] = {
    "ConvLSTM2D": {
        "filters": 2,
        "kernel_size": 3,
        "padding": "same",
        "return_sequences": True,
        "recurrent_activation": "sigmoid",
    },
    "ConvLSTM1D": {"filters": 2, "kernel_size": 3, "padding": "same", "recurrent_activation": "sigmoid"},
    "LSTM": {"units": 2},
    "Bidirectional": {
        "layer": {"class_name": "LSTM", "config": {"units": 2, "return_sequences": True, "name": "either_way"}}
    },
    "SpaceToDepth": {"factor": 2, "padding": "same"},
    "DepthToSpace": {"factor": 2, "cropping": (1, 0)},
    "TimeDistributed": {
        "layer": {"class_name": "Conv2D", "config": {"filters": 2, "kernel_size": 3, "padding": "same", "name": "each"}}
    },
    "AlphaDropout": {"rate": 0.3},
    "Activation": {"activation": "gelu"},
    "ReLU": {"max_value": 0.5, "negative_slope": 0.1, "threshold": 0.01},
    "ELU": {"alpha": 0.5},
    "Dropout": {"rate": 0.3},
    "Embedding": {"input_dim": 5, "output_dim": 3},
    "GaussianDropout": {"rate": 0.3},
    "GaussianNoise": {"stddev": 0.3},
    "SpatialDropout1D": {"rate": 0.3},
    "SpatialDropout2D": {"rate": 0.3},
    "SpatialDropout3D": {"rate": 0.3},
    "Conv1D": {"filters": 2, "kernel_size": 3, "padding": "causal", "activation": "tanh"},
    "Conv2D": {"filters": 2, "kernel_size": 3, "padding": "same", "activation": "tanh"},
    "Conv1DTranspose": {"filters": 2, "kernel_size": 3, "padding": "same", "activation": "tanh"},
    "Conv2DTranspose": {"filters": 2, "kernel_size": (3, 2), "padding": "same", "activation": "tanh"},
    "Conv3DTranspose": {"filters": 2, "kernel_size": (1, 3, 3), "padding": "same", "activation": "tanh"},
    "DepthwiseConv1D": {"kernel_size": 2, "padding": "same", "activation": "tanh"},
    "DepthwiseConv2D": {"kernel_size": 3, "padding": "same", "depth_multiplier": 2},
    "SeparableConv1D": {"filters": 2, "kernel_size": 2, "padding": "same", "activation": "tanh"},
    "SeparableConv2D": {"filters": 2, "kernel_size": 3, "padding": "same", "depth_multiplier": 2},
    "Dense": {"units": 2, "activation": "tanh"},
    **{f"{kind}Pooling{rank}D": {"strides": 1, "padding": "same"} for kind in ("Average", "Max") for rank in (1, 2)},
    **{f"{kind}Pooling3D": {"pool_size": (1, 2, 3), "strides": 1, "padding": "same"} for kind in ("Average", "Max")},
    "UpSampling2D": {"size": 2, "interpolation": "bilinear"},
    "UpSampling3D": {"size": (1, 2, 2)},
    "ZeroPadding3D": {"padding": ((0, 0), (0, 1), (2, 0))},
    "Cropping3D": {"cropping": ((0, 0), (0, 1), (1, 0))},
    "Reshape": {"target_shape": (6, -1)},
    "Permute": {"dims": (3, 1, 2)},
    "RepeatVector": {"n": 3},
    "Conv3D": {"filters": 2, "kernel_size": (2, 3, 3), "padding": "causal", "activation": "tanh"},
}
"""What a layer cannot be made without."""


class Place(NamedTuple):
    """Where a layer is tried: movies or other inputs, the layers below and above it."""

    x: np.ndarray[Any, Any]
    below: Callable[[], list[Layer]]
    above: Callable[[], list[Layer]]


def dense() -> list[Layer]:
    return [Dense(1, "sigmoid")]


def pixels() -> list[Layer]:
    return [Conv3D(1, 1, activation="sigmoid")]


def windows() -> list[Layer]:
    return [Conv2D(1, 2, activation="sigmoid")]


def enlarged(*pool_size: int) -> Place:
    """Frames that become smaller by a kernel and windows, and as large again by the layer and a kernel."""
    return Place(
        X,
        lambda: [Conv2D(3, (2, 1), activation="tanh", input_shape=FRAME), MaxPooling3D(pool_size)],
        lambda: [Conv2DTranspose(1, (2, 1), activation="sigmoid")],
    )


AMONG_MOVIES = Place(
    X,
    lambda: [Conv3D(3, (1, 3, 3), padding="same", activation="tanh", input_shape=FRAME)],
    pixels,
)
AMONG_STEPS = Place(X[:, :, 0, :, 0], lambda: [Conv1D(3, 2, input_shape=(4, 6))], dense)
AMONG_FRAMES = Place(X[:, 0], lambda: [Conv2D(3, 2, input_shape=FRAME[1:])], dense)
MOVIES_TO_NUMBERS = Place(X[:, :3], lambda: [Conv3D(3, (1, 2, 2), activation="tanh", input_shape=FRAME)], dense)
PLACES = {
    "ConvLSTM1D": Place(X[:, :, 2], lambda: [Conv1D(3, 2, input_shape=(4, 6, 1))], dense),
    "LSTM": AMONG_STEPS,
    "Bidirectional": AMONG_STEPS,
    "Embedding": Place(np.arange(14).reshape(2, 7) % 5, list, dense),
    "SpatialDropout1D": AMONG_STEPS,
    "SpatialDropout2D": AMONG_FRAMES,
    **{f"Global{kind}Pooling1D": AMONG_STEPS for kind in ("Average", "Max")},
    **{f"Global{kind}Pooling2D": AMONG_FRAMES for kind in ("Average", "Max")},
    **{f"Global{kind}Pooling3D": MOVIES_TO_NUMBERS for kind in ("Average", "Max")},
    "UpSampling1D": enlarged(1, 1, 2),
    "UpSampling2D": enlarged(1, 2, 2),
    "UpSampling3D": enlarged(1, 2, 2),
    "ZeroPadding1D": AMONG_STEPS,
    "ZeroPadding2D": AMONG_FRAMES._replace(above=windows),
    "ZeroPadding3D": AMONG_MOVIES._replace(above=lambda: [Cropping3D(((0, 0), (0, 1), (1, 1))), *pixels()]),
    "Cropping1D": AMONG_STEPS,
    "Cropping2D": AMONG_FRAMES._replace(above=windows),
    "Cropping3D": AMONG_MOVIES._replace(above=lambda: [ZeroPadding3D(((0, 0), (1, 0), (0, 1))), *pixels()]),
    "SpaceToDepth": AMONG_MOVIES._replace(above=lambda: [Conv2D(4, 1), DepthToSpace(2, (1, 0)), *pixels()]),
    "DepthToSpace": Place(
        X, lambda: [SpaceToDepth(2, "same", input_shape=FRAME), Conv3D(8, 1, activation="tanh")], pixels
    ),
    "Flatten": AMONG_FRAMES,
    "Reshape": AMONG_FRAMES,
    "Permute": AMONG_FRAMES._replace(above=windows),
    "RepeatVector": Place(X[:, 0, 0, :, 0], lambda: [Dense(3, input_shape=(6,))], dense),
}
"""The layers that do not take movies, or do not give as large ones."""


def place(name: str) -> Place:
    return PLACES.get(name, AMONG_MOVIES)


def targets(built: Any, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Zeros and ones in the shape of what a network gives."""
    return Y if x is X else (RANDOM.random((len(x), *built.output_shape(x.shape[1:]))) > 0.5).astype(np.float32)


def network(name: str, device: str) -> Any:
    """The layer between others: weights below it learn only through its backward pass."""
    _, below, above = place(name)
    layer = LAYERS[name](**ARGUMENTS.get(name, {}))
    built: Sequential | Model
    if name in merging.__all__:
        x = Input(FRAME)
        branches = [Conv3D(3, (1, 3, 3), padding="same", activation="tanh")(x) for _ in range(2)]
        built = Model(x, pixels()[0](layer(branches)), device=device, seed=2)
    else:
        built = Sequential([*below(), layer, *above()], device=device, seed=2)
    built.compile(loss="binary_crossentropy", optimizer="adam")
    return built


@pytest.fixture(params=["reference", "cpu", "cuda"])
def device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every kind of device; "cuda" is the simulator."""
    simulate_device(monkeypatch, checked=False)
    return request.param


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_trains_and_predicts(name: str, device: str) -> None:
    built, oracle, x = network(name, device), network(name, "reference"), place(name).x
    y = targets(built, x)
    loss, gradients = built.loss_and_gradients(x, y)
    expected_loss, expected = oracle.loss_and_gradients(x, y)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    for weight, gradient in gradients.items():
        assert np.abs(gradient).max() > 1e-7, f"{weight} learns nothing"
        np.testing.assert_allclose(gradient, expected[weight], rtol=1e-3, atol=1e-6, err_msg=weight)

    before = built.get_weights()
    built.train_on_batch(x, y)
    for weight, old, new in zip(built.weights, before, built.get_weights(), strict=True):
        assert (old != new).all(), f"{weight.name} has not moved"
    if x is not X:
        return
    track = X[0, :2]
    frames = built.rollout(track, 2)
    for frame in frames:
        np.testing.assert_allclose(frame, built.predict(track[np.newaxis])[0, -1], atol=1e-5)
        track = np.concatenate([track, frame[np.newaxis]])


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        (name, suffix)
        for name in LAYERS
        for suffix in (".safetensors", ".keras", ".h5")
        if suffix == ".safetensors" or LAYERS[name].keras_form is not None
    ],
)
def test_a_layer_comes_back_from_a_file(name: str, suffix: str, tmp_path: Path) -> None:
    built, x = network(name, "reference"), place(name).x
    built.fit(x, targets(built, x), batch_size=2, epochs=1, verbose=0)
    built.save(tmp_path / f"model{suffix}")
    loaded = engine.load_model(tmp_path / f"model{suffix}", device="reference")
    assert loaded.get_config() == built.get_config()
    np.testing.assert_array_equal(loaded.predict(x), built.predict(x))


@pytest.mark.parametrize("suffix", [".weights.h5", ".h5"])
@pytest.mark.parametrize("name", [name for name in LAYERS if LAYERS[name].keras_form is not None])
def test_weights_alone_come_back(name: str, suffix: str, tmp_path: Path) -> None:
    built, other, x = network(name, "reference"), network(name, "reference"), place(name).x
    built.fit(x, targets(built, x), batch_size=2, epochs=1, verbose=0)
    built.save_weights(tmp_path / f"model{suffix}")
    other.load_weights(tmp_path / f"model{suffix}")
    np.testing.assert_array_equal(other.predict(x), built.predict(x))


@pytest.mark.parametrize("graph", ["sequence", "step", "rollout"])
@pytest.mark.parametrize("name", [name for name in LAYERS if place(name).x is X])
def test_a_layer_goes_to_onnx(name: str, graph: str, tmp_path: Path) -> None:
    built = network(name, "reference")
    built.fit(X, Y, batch_size=2, epochs=1, verbose=0)
    built.export(tmp_path / "model.onnx", graph=graph)
    onnx = OnnxNetwork(tmp_path / "model.onnx")
    np.testing.assert_allclose(onnx.rollout(X[0], 2), built.rollout(X[0], 2), atol=1e-5)


@pytest.mark.parametrize("name", [name for name in LAYERS if place(name).x is not X])
def test_a_layer_of_other_inputs_goes_to_onnx(name: str, tmp_path: Path) -> None:
    built, x = network(name, "reference"), place(name).x
    built.fit(x, targets(built, x), batch_size=2, epochs=1, verbose=0)
    built.export(tmp_path / "model.onnx", graph="sequence")
    np.testing.assert_allclose(OnnxNetwork(tmp_path / "model.onnx").predict(x), built.predict(x), atol=1e-5)
