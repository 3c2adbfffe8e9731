"""What counts in next-frame prediction: skill without a look at the answer, per lead time, beside persistence.

Persistence repeats the last frame that was seen. A network that does not beat it has learned nothing of motion.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from engine.metrics import Metric
from kernels.arrays import HostArray
from kernels.losses import LossSpec
from kernels.reference import ReferenceBackend

Rollout = Callable[[HostArray, int], HostArray]
"""(track (N,T,H,W,C), n_frames) -> the frames that follow, (N,n_frames,H,W,C)."""

CSI_THRESHOLD = 0.5
"""Value from which on a pixel counts as on, unless a run says otherwise."""

_SQUARES = LossSpec("mean_squared_error")

_ORACLE = ReferenceBackend(np.float64)


def csi(prediction: HostArray, truth: HostArray, threshold: float = CSI_THRESHOLD) -> float:
    """Critical success index, also called intersection over union: hits / (hits + misses + false alarms).

    Counted over all elements, "on" meaning at least `threshold`. With nothing on in either nothing can be hit: NaN.
    """
    on, really_on = prediction >= threshold, truth >= threshold
    either = np.count_nonzero(on | really_on)
    return float(np.count_nonzero(on & really_on) / either) if either else math.nan


def measured(what: LossSpec | Metric, prediction: HostArray, truth: HostArray) -> float:
    """Measure a loss or a metric in float64, by the reference's operation."""
    if isinstance(what, LossSpec):
        return mean_loss(what, prediction, truth)
    row = np.zeros(what.width)
    measure = what.bind(_ORACLE, prediction.shape[1:], classes=False, logits=False)
    measure(prediction.astype(np.float64), truth.astype(np.float64), row)
    return what.result(row[np.newaxis], [1.0])


def mean_loss(spec: LossSpec, prediction: HostArray, truth: HostArray) -> float:
    """Measure a loss: the mean of its term over all elements or rows, in float64, by the reference's operation."""
    mean = np.empty(1)
    _ORACLE.loss(spec)(prediction.astype(np.float64), truth.astype(np.float64), None, mean, None)
    return float(mean[0])


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
    rollout: Rollout, inputs: HostArray, targets: HostArray, csi_threshold: float = CSI_THRESHOLD
) -> tuple[RolloutScores, HostArray]:
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
        mse=[mean_loss(_SQUARES, predicted[:, lead], truth[:, lead]) for lead in leads],
        persistence_csi=[csi(last, truth[:, lead], csi_threshold) for lead in leads],
        persistence_mse=[mean_loss(_SQUARES, last, truth[:, lead]) for lead in leads],
    )
    return scores, predicted


@dataclass(frozen=True)
class OneStepScores:
    """A loss or a metric of predicted next frames.

    Attributes:
        all_frames: over every output frame, as training and validation report it.
        last_frame: of the last output frame only, for which no later input exists.
        persistence: of the last input frame in its place.
    """

    all_frames: float
    last_frame: float
    persistence: float


def score_one_step(outputs: HostArray, inputs: HostArray, targets: HostArray, what: LossSpec | Metric) -> OneStepScores:
    """Compare the next frames that were predicted from the real ones with what followed.

    Args:
        outputs, inputs, targets: (N,T,H,W,C), outputs[:, t] predicted from inputs[:, : t + 1].
        what: a loss or a metric; from_logits of a loss counts for the outputs, not for the inputs that stand in for
            them.
    """
    plain = replace(what, from_logits=False) if isinstance(what, LossSpec) else what
    return OneStepScores(
        all_frames=measured(what, outputs, targets),
        last_frame=measured(what, outputs[:, -1], targets[:, -1]),
        persistence=measured(plain, inputs[:, -1], targets[:, -1]),
    )


def in_batches(rollout: Rollout, batch_size: int) -> Rollout:
    """Cut a rollout into batches of movies, so that memory does not grow with their number; the result is the same."""

    def batched(track: HostArray, n_frames: int) -> HostArray:
        parts = [rollout(track[start : start + batch_size], n_frames) for start in range(0, len(track), batch_size)]
        return np.concatenate(parts)

    return batched
