"""What counts in next-frame prediction: skill without a look at the answer, per lead time, beside persistence.

Persistence repeats the last frame that was seen. A network that does not beat it has learned nothing of motion.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Rollout = Callable[[Array, int], Array]
"""(track (N,T,H,W,C), n_frames) -> the frames that follow, (N,n_frames,H,W,C)."""

_CLIP = 1e-7


CSI_THRESHOLD = 0.5
"""From where on a pixel counts as on, unless a run says otherwise."""


def csi(prediction: Array, truth: Array, threshold: float = CSI_THRESHOLD) -> float:
    """Critical success index, also called intersection over union: hits / (hits + misses + false alarms).

    Counted over all elements, "on" meaning at least `threshold`. With nothing on in either nothing can be hit: NaN.
    """
    on, really_on = prediction >= threshold, truth >= threshold
    either = np.count_nonzero(on | really_on)
    return float(np.count_nonzero(on & really_on) / either) if either else math.nan


def mean_squared_error(prediction: Array, truth: Array) -> float:
    """Mean over all elements, in float64."""
    return float(np.mean((prediction.astype(np.float64) - truth) ** 2))


def binary_crossentropy(prediction: Array, truth: Array) -> float:
    """Mean over all elements, in float64; probabilities are clipped to [1e-7, 1 - 1e-7], as Keras does."""
    p = np.clip(prediction.astype(np.float64), _CLIP, 1 - _CLIP)
    return float(-np.mean(truth * np.log(p) + (1 - truth) * np.log1p(-p)))


def mean_absolute_error(prediction: Array, truth: Array) -> float:
    """Mean over all elements, in float64."""
    return float(np.mean(np.abs(prediction.astype(np.float64) - truth)))


def huber(prediction: Array, truth: Array) -> float:
    """Mean over all elements, in float64; squares up to a difference of 1."""
    error = np.abs(prediction.astype(np.float64) - truth)
    return float(np.mean(np.where(error <= 1.0, 0.5 * error**2, error - 0.5)))


LOSSES: dict[str, Callable[[Array, Array], float]] = {
    "binary_crossentropy": binary_crossentropy,
    "mse": mean_squared_error,
    "mae": mean_absolute_error,
    "huber": huber,
}


@dataclass(frozen=True)
class RolloutScores:
    """Errors of a free-running rollout, one number for each lead time (1 is the first new frame).

    Attributes:
        seen_frames: how many frames the network was given.
        csi_threshold: from where on a pixel counts as on.
        csi, mse: of the predicted frames; csi is NaN where nothing is on, neither predicted nor in truth.
        persistence_csi, persistence_mse: of the last seen frame, repeated.
    """

    seen_frames: int
    csi_threshold: float
    csi: list[float]
    mse: list[float]
    persistence_csi: list[float]
    persistence_mse: list[float]


def seen_frames(n_frames: int) -> int:
    """How many frames of a movie start the rollout: 7 of the example's 15, and in general the first half."""
    return max(1, n_frames // 2)


def score_rollout(
    rollout: Rollout, inputs: Array, targets: Array, csi_threshold: float = CSI_THRESHOLD
) -> tuple[RolloutScores, Array]:
    """Let the network run on from the first half of each movie and compare with what really followed.

    inputs, targets (N,T,H,W,C), targets[:, t] being the frame after inputs[:, t].
    Returns the scores and the predicted frames (N, T + 1 - seen, H, W, C).
    """
    seen = seen_frames(inputs.shape[1])
    truth = targets[:, seen - 1 :]
    predicted = rollout(inputs[:, :seen], truth.shape[1])
    last = inputs[:, seen - 1]
    leads = range(truth.shape[1])
    scores = RolloutScores(
        seen_frames=seen,
        csi_threshold=csi_threshold,
        csi=[csi(predicted[:, lead], truth[:, lead], csi_threshold) for lead in leads],
        mse=[mean_squared_error(predicted[:, lead], truth[:, lead]) for lead in leads],
        persistence_csi=[csi(last, truth[:, lead], csi_threshold) for lead in leads],
        persistence_mse=[mean_squared_error(last, truth[:, lead]) for lead in leads],
    )
    return scores, predicted


@dataclass(frozen=True)
class OneStepLosses:
    """The training loss, taken apart.

    Attributes:
        all_frames: over every output frame, as training and validation report it.
        last_frame: of the last output frame only, for which no later input exists.
        persistence: of the last input frame in its place.
    """

    all_frames: float
    last_frame: float
    persistence: float


def score_one_step(predict: Callable[[Array], Array], inputs: Array, targets: Array, loss: str) -> OneStepLosses:
    """Predict every next frame from the real ones; inputs, targets (N,T,H,W,C); loss is one of LOSSES."""
    outputs, measure = predict(inputs), LOSSES[loss]
    return OneStepLosses(
        all_frames=measure(outputs, targets),
        last_frame=measure(outputs[:, -1], targets[:, -1]),
        persistence=measure(inputs[:, -1], targets[:, -1]),
    )
