"""The sequence graph equals predict, in onnxruntime with and without its optimisations and in onnx.reference."""

import numpy as np
import pytest

from engine import BatchNormalization
from export import build_model
from tests.export.networks import (
    ALL,
    assert_close,
    conv3d,
    example,
    lstm,
    movies_for,
    randomized,
    run_everywhere,
    session,
)


@pytest.mark.parametrize("n, frames", [(1, 1), (3, 2), (2, 6)])
@pytest.mark.parametrize("name", ALL)
def test_equals_the_engine(name: str, n: int, frames: int) -> None:
    network = ALL[name]()
    movies = movies_for(network, n, frames)
    expected = network.predict(movies)
    assert expected.std() > 1e-3
    for found in run_everywhere(build_model(network), {"movies": movies}).values():
        assert_close(found, expected)


@pytest.mark.parametrize("gates", ["hard_sigmoid", "sigmoid", "hard_sigmoid_keras3"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_gate_and_channel_count(gates: str, channels: int) -> None:
    network = example(channels=channels, gates=gates)
    movies = movies_for(network, 2, 4)
    for found in run_everywhere(build_model(network), {"movies": movies}).values():
        assert_close(found, network.predict(movies))


@pytest.mark.parametrize("filters", [16, 20, 24, 40])
def test_widths_that_reach_the_fast_layout(filters: int) -> None:
    network = randomized([lstm(filters, shape=(None, 9, 12, 1)), BatchNormalization(), lstm(filters), conv3d(1, 3)])
    movies = movies_for(network, 2, 3)
    assert_close(session(build_model(network)).run(None, {"movies": movies})[0], network.predict(movies))


def test_one_file_for_movies_of_any_number_and_length() -> None:
    network = example()
    runner = session(build_model(network))
    for n, frames in [(1, 1), (2, 9), (5, 3), (1, 24)]:
        movies = movies_for(network, n, frames)
        assert_close(runner.run(None, {"movies": movies})[0], network.predict(movies))


@pytest.mark.parametrize("name", ALL)
def test_size_is_open_on_request(name: str) -> None:
    network = ALL[name]()
    model = build_model(network, dynamic_size=True)
    assert network.input_shape is not None
    _, height, width, channels = network.input_shape
    movies = movies_for(network, 2, 3)
    for found in run_everywhere(model, {"movies": movies}).values():
        assert_close(found, network.predict(movies))
    larger = np.zeros((1, 2, (height or 0) + 3, (width or 0) + 6, channels), np.float32)
    assert session(model).run(None, {"movies": larger})[0].shape[:4] == larger.shape[:4]


def test_size_is_open_where_the_network_leaves_it_open() -> None:
    network = example(height=None, width=None)
    runner = session(build_model(network))
    for height, width in [(7, 5), (3, 10)]:
        movies = movies_for(network, 1, 3, height, width)
        assert_close(runner.run(None, {"movies": movies})[0], network.predict(movies))


def test_a_large_batch_norm_shift_does_not_leak_over_the_border() -> None:
    network = randomized([lstm(4, shape=(None, 5, 5, 1)), BatchNormalization(), lstm(3, 5), conv3d(1, 3)])
    weights = network.get_weights()
    weights[4] = np.full_like(weights[4], 50.0)
    network.set_weights(weights)
    movies = movies_for(network, 1, 3)
    expected = network.predict(movies)
    border = np.abs(expected[:, :, 0] - expected[:, :, 2]).max()
    assert border > 1e-2
    for found in run_everywhere(build_model(network), {"movies": movies}).values():
        assert_close(found, expected)


@pytest.mark.parametrize("name", ["example", "causal", "ahead_in_the_middle"])
def test_float16_stays_within_a_hundredth(name: str) -> None:
    network = ALL[name]()
    movies = movies_for(network, 2, 5)
    model = build_model(network, float16=True)
    expected = network.predict(movies)
    scale = max(1.0, float(np.abs(expected).max()))
    for optimized in (True, False):
        found = session(model, optimized).run(None, {"movies": movies})[0]
        assert found.dtype == np.float32
        assert_close(found, expected, 1e-2 * scale)
