"""SpaceToDepth and DepthToSpace: the order of channels, the inverse, the gradient, and what is refused."""

from typing import Any

import numpy as np
import pytest

from engine import Add, Concatenate, Conv3D, ConvLSTM2D, DepthToSpace, Input, Model, Sequential, SpaceToDepth
from engine.layers.eager import from_time_major, to_time_major
from export import OnnxNetwork
from kernels.select import open_backend
from tests.engine.networks import FLOAT64_DEVICES

Array = np.ndarray[Any, Any]


def blocks_by_definition(x: Array, factor: int) -> Array:
    """Pixel by pixel; x (N,T,H,W,C)."""
    n, t, height, width, channels = x.shape
    y = np.zeros((n, t, -(-height // factor), -(-width // factor), factor**2 * channels))
    for row, column, channel in np.ndindex(height, width, channels):
        place = (row % factor * factor + column % factor) * channels + channel
        y[:, :, row // factor, column // factor, place] = x[:, :, row, column, channel]
    return y


@pytest.mark.parametrize("device", FLOAT64_DEVICES)
@pytest.mark.parametrize(("factor", "shape"), [(2, (3, 1, 4, 6, 3)), (3, (1, 2, 7, 5, 1)), (1, (2, 2, 3, 2, 2))])
def test_blocks_are_channels_and_come_back(factor: int, shape: tuple[int, ...], device: str) -> None:
    x, rows, columns = np.random.default_rng(0).standard_normal(shape), shape[2], shape[3]
    there = SpaceToDepth(factor, padding="same")
    back = DepthToSpace(factor, cropping=(-rows % factor, -columns % factor))
    backend = open_backend(device, "float64")
    expected = blocks_by_definition(x, factor)
    into = there.bind(backend, shape[1:], shape[0], training=True)
    out = back.bind(backend, expected.shape[1:], shape[0], training=True)
    made = backend.to_host(into.forward(backend.from_host(to_time_major(x))))
    np.testing.assert_array_equal(from_time_major(made, expected.shape[1:]), expected)
    again = backend.to_host(out.forward(backend.from_host(made)))
    np.testing.assert_array_equal(from_time_major(again, shape[1:]), x)
    # Both only move numbers: the gradient is the transposed move, so <dy, f(x)> = <f'(dy), x>.
    for bound, y, given in ((into, made, to_time_major(x)), (out, again, made)):
        dy = np.random.default_rng(1).standard_normal(y.shape)
        dx = backend.to_host(bound.backward(backend.from_host(dy), need_dx=True))
        assert dx.shape == given.shape and np.vdot(dx, given) == pytest.approx(np.vdot(dy, y), rel=1e-12)
        assert bound.backward(backend.from_host(dy), need_dx=False) is None


def test_a_network_in_blocks_streams_as_it_predicts() -> None:
    network = Sequential(
        [
            Input((None, 8, 6, 1)),
            SpaceToDepth(2),
            ConvLSTM2D(3, 3, padding="same", return_sequences=True),
            Conv3D(4, 1, activation="sigmoid"),
            DepthToSpace(2),
        ],
        device="reference",
        seed=1,
    )
    track = np.random.default_rng(0).random((3, 8, 6, 1), np.float32)
    frames = network.rollout(track, 2)
    np.testing.assert_allclose(frames[0], network.predict(track[np.newaxis])[0, -1], atol=1e-6)


@pytest.mark.parametrize(
    ("says", "make"),
    [
        ("factor=4 divides, got 6 x 8", lambda: SpaceToDepth(4)(Input((2, 6, 8, 1)))),
        (r"channels that factor\^2 = 4 divides, got 6", lambda: DepthToSpace(2)(Input((2, 6, 8, 6)))),
        ("expected movies or frames", lambda: SpaceToDepth(2)(Input((6, 8)))),
        ("leaves nothing", lambda: DepthToSpace(2, cropping=(2, 0))(Input((1, 3, 4)))),
        ("factor: expected", lambda: SpaceToDepth(0)),
        ("padding: expected", lambda: SpaceToDepth(2, "causal")),
    ],
)
def test_what_cannot_be_is_named(says: str, make: Any) -> None:
    with pytest.raises(ValueError, match=says):
        make()


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_keras_file_refuses_it_by_name(suffix: str, tmp_path: Any) -> None:
    network = Sequential([Input((2, 4, 4, 1)), SpaceToDepth(2)], device="reference")
    network.build()
    with pytest.raises(ValueError, match=r"SpaceToDepth is not offered in Keras files.*save \.safetensors"):
        network.save(tmp_path / f"model{suffix}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("graph", ["sequence", "step", "rollout"])
def test_onnx_leaves_the_size_of_frames_open(graph: str, tmp_path: Any) -> None:
    movie = Input((None, None, None, 1))
    h = ConvLSTM2D(3, 3, padding="same", return_sequences=True)(SpaceToDepth(2)(movie))
    both = Concatenate()([h, SpaceToDepth(2)(movie)])
    frames = DepthToSpace(2)(Conv3D(4, 1)(ConvLSTM2D(2, 3, padding="same", return_sequences=True)(both)))
    network = Model(movie, Add()([movie, frames]), device="reference", seed=2)
    network.export(tmp_path / "model.onnx", graph=graph)
    onnx = OnnxNetwork(tmp_path / "model.onnx")
    for height, width in ((4, 6), (8, 2)):
        track = np.random.default_rng(0).random((3, height, width, 1), np.float32)
        np.testing.assert_allclose(onnx.rollout(track, 2), network.rollout(track, 2), atol=1e-5)
