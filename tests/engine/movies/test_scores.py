"""The numbers that a run reports, on arrays small enough to work out by hand."""

import math

import numpy as np
import pytest

from engine.movies.scores import (
    csi,
    mean_loss,
    score_one_step,
    score_rollout,
    seen_frames,
)
from kernels.losses import LossSpec

SQUARES, CROSSENTROPY = LossSpec("mean_squared_error"), LossSpec("binary_crossentropy")


def test_csi_counts_hits_misses_and_false_alarms() -> None:
    truth = np.array([1.0, 1.0, 1.0, 0.0, 0.0])
    prediction = np.array([0.9, 0.5, 0.4, 0.6, 0.1])
    assert csi(prediction, truth) == 2 / 4
    assert csi(prediction, truth, threshold=0.05) == 3 / 5
    assert csi(truth, truth) == 1
    assert csi(1 - truth, truth) == 0
    assert math.isnan(csi(np.zeros(3), np.zeros(3)))


def test_losses() -> None:
    assert mean_loss(SQUARES, np.array([1.0, 0.0], np.float32), np.array([0.0, 0.5])) == pytest.approx(0.625)
    expected = -(math.log(0.8) + math.log(1 - 0.3)) / 2
    assert mean_loss(CROSSENTROPY, np.array([0.8, 0.3]), np.array([1.0, 0.0])) == pytest.approx(expected)
    assert mean_loss(CROSSENTROPY, np.array([0.0]), np.array([1.0])) == pytest.approx(-math.log(1e-7))


def test_the_rollout_starts_from_the_first_half_and_is_scored_on_what_followed() -> None:
    assert [seen_frames(n) for n in (1, 2, 3, 15, 16)] == [1, 1, 1, 7, 8]
    frames = np.arange(2 * 6).reshape(2, 6, 1, 1, 1) / 10
    inputs, targets = frames[:, :-1], frames[:, 1:]
    calls = []

    def perfect_at_first(track: np.ndarray, n_frames: int) -> np.ndarray:
        calls.append((track.shape, n_frames))
        following = frames[:, track.shape[1] : track.shape[1] + n_frames].copy()
        following[:, 1:] += 0.1
        return following

    scores, predicted = score_rollout(perfect_at_first, inputs, targets)
    assert calls == [((2, 2, 1, 1, 1), 4)]
    assert predicted.shape == (2, 4, 1, 1, 1)
    np.testing.assert_allclose(scores.mse, [0, 0.01, 0.01, 0.01], atol=1e-12)
    np.testing.assert_allclose(scores.persistence_mse, [0.01, 0.04, 0.09, 0.16], atol=1e-12)
    assert scores.csi == [1, 1, 0.5, 1]
    assert scores.persistence_csi == [1, 1, 1, 0.5]
    assert scores.seen_frames == 2
    assert scores.csi_threshold == 0.5
    lower, _ = score_rollout(perfect_at_first, inputs, targets, csi_threshold=0.35)
    assert lower.csi == [1, 0.5, 1, 1]


def test_the_last_frame_is_told_apart() -> None:
    targets = np.zeros((1, 3, 1, 1, 1))
    outputs = np.array([0.0, 0.0, 0.6]).reshape(1, 3, 1, 1, 1)
    inputs = np.full((1, 3, 1, 1, 1), 0.2)
    losses = score_one_step(outputs, inputs, targets, SQUARES)
    assert losses.all_frames == pytest.approx(0.12)
    assert losses.last_frame == pytest.approx(0.36)
    assert losses.persistence == pytest.approx(0.04)


def test_persistence_is_no_logit_though_the_outputs_are() -> None:
    targets = np.full((1, 2, 1, 1, 1), 0.75)
    inputs, outputs = np.full_like(targets, 0.5), np.full_like(targets, math.log(3))
    scores = score_one_step(outputs, inputs, targets, LossSpec("binary_crossentropy", from_logits=True))
    assert scores.last_frame == pytest.approx(mean_loss(CROSSENTROPY, targets, targets))
    assert scores.persistence == pytest.approx(math.log(2))
