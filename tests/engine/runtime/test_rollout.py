"""Streaming rollout equals the example's loop over the growing track."""

import numpy as np
import pytest

from engine import Conv3D, ConvLSTM2D, Sequential
from engine.graph.rollout import can_stream
from tests.engine.networks import movies, seed_like, targets

TOLERANCE = {"float32": 1e-5, "float64": 1e-12}


def seeds_loop(network: Sequential, track: np.ndarray, n_frames: int) -> np.ndarray:
    """The example's own words: predict, append the last frame, again."""
    for _ in range(n_frames):
        new_pos = network.predict(track[np.newaxis])
        track = np.concatenate((track, new_pos[:, -1]), axis=0)
    return track[-n_frames:]


def trained(device: str, dtype: str, head: str, channels: int = 1) -> Sequential:
    """A network whose BatchNormalization has moved, so that inference differs from a fresh one's."""
    network = seed_like(device, dtype, channels, head)
    x = movies(channels=channels)
    for _ in range(3):
        network.train_on_batch(x, targets(x))
    return network


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("device", ["reference", "cpu"])
@pytest.mark.parametrize("head", ["same", "causal"])
@pytest.mark.parametrize("frames", [1, 2, 5])
def test_equals_the_growing_track(device: str, dtype: str, head: str, frames: int) -> None:
    network = trained(device, dtype, head)
    track = movies(1, frames, seed=8)[0].astype(dtype)
    frames_out = network.rollout(track, 6)
    assert frames_out.shape == (6, 7, 6, 1)
    assert np.abs(np.diff(frames_out, axis=0)).max() > 1e-4, "a still picture proves nothing"
    np.testing.assert_allclose(frames_out, seeds_loop(network, track, 6), atol=TOLERANCE[dtype])


@pytest.mark.parametrize("device", ["reference", "cpu"])
def test_several_tracks_are_rolled_out_as_each_alone(device: str) -> None:
    network = trained(device, "float64", "same", channels=3)
    tracks = movies(3, channels=3, seed=8)
    together = network.rollout(tracks, 4)
    for track, rolled in zip(tracks, together, strict=True):
        np.testing.assert_allclose(network.rollout(track, 4), rolled, atol=1e-12)


def test_a_network_that_looks_ahead_inside_is_rolled_out_by_its_definition() -> None:
    network = Sequential(device="reference", dtype="float64", seed=2)
    network.add(Conv3D(2, (3, 3, 3), padding="same", activation="tanh"))
    network.add(ConvLSTM2D(1, 3, padding="same", return_sequences=True))
    assert not can_stream(network.graph)
    track = movies(1, 4)[0]
    np.testing.assert_allclose(network.rollout(track, 3), seeds_loop(network, track, 3), atol=1e-12)


def test_causal_convolutions_stream_anywhere() -> None:
    network = Sequential(device="reference", dtype="float64", seed=2)
    network.add(Conv3D(2, (3, 1, 3), padding="causal", activation="tanh"))
    network.add(ConvLSTM2D(2, 3, padding="same", return_sequences=True))
    network.add(Conv3D(1, (4, 3, 3), padding="same"))
    assert can_stream(network.graph)
    track = movies(1, 2)[0]
    np.testing.assert_allclose(network.rollout(track, 5), seeds_loop(network, track, 5), atol=1e-12)


def test_refuses_what_cannot_be_fed_back() -> None:
    network = Sequential(device="reference")
    network.add(ConvLSTM2D(2, 3, padding="same", return_sequences=True))
    with pytest.raises(ValueError, match=r"\(7, 6, 2\) and the input's \(7, 6, 1\)"):
        network.rollout(movies()[0], 2)
    smaller = Sequential([ConvLSTM2D(1, 3, return_sequences=True)], device="reference")
    with pytest.raises(ValueError, match=r"\(5, 4, 1\) and the input's \(7, 6, 1\)"):
        smaller.rollout(movies()[0], 2)
    with pytest.raises(ValueError, match="n_frames"):
        seed_like("reference").rollout(movies()[0], 0)
    with pytest.raises(ValueError, match="track"):
        seed_like("reference").rollout(movies()[0, 0], 2)


def test_a_growing_track_that_the_network_cannot_take_is_refused_before_any_work() -> None:
    network = Sequential(device="reference")
    network.add(Conv3D(1, 3, padding="same", input_shape=(4, 7, 6, 1)))
    network.add(Conv3D(1, 3, padding="same"))
    assert not can_stream(network.graph)
    with pytest.raises(ValueError, match="track: expected 4 frames, got 5"):
        network.rollout(movies(1, 4), 2)
    assert not network.built
    assert network.rollout(movies(1, 4), 1).shape == (1, 1, 7, 6, 1)
