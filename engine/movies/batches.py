"""A rollout in batches of movies, so that memory does not grow with their number."""

import numpy as np

from engine.movies.scores import Rollout
from kernels.arrays import HostArray


def in_batches(rollout: Rollout, batch_size: int) -> Rollout:
    """Roll out at most batch_size movies at a time. Movies do not touch each other, so the frames are the same."""

    def batched(track: HostArray, n_frames: int) -> HostArray:
        parts = [rollout(track[start : start + batch_size], n_frames) for start in range(0, len(track), batch_size)]
        return np.concatenate(parts)

    return batched
