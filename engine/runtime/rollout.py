"""Free-running prediction on a device: each predicted frame is the next input (engine/graph/rollout.py)."""

from typing import Any

import numpy as np

from engine.runtime.frame_stream import FrameStream
from kernels import Backend
from kernels.arrays import HostArray


def streaming_rollout(backend: Backend, stream: FrameStream, track: HostArray, n_frames: int) -> HostArray:
    """track (N,T,H,W,C) on the host -> the n_frames frames that follow, (N,n_frames,H,W,C)."""
    seen = backend.from_host(np.ascontiguousarray(track.swapaxes(0, 1)))
    predicted = backend.empty((n_frames, *stream.output_shape))
    roll_on(backend, stream, seen, predicted)
    return np.ascontiguousarray(backend.to_host(predicted).swapaxes(0, 1))


def roll_on(backend: Backend, stream: FrameStream, seen: Any, predicted: Any) -> None:
    """seen (T,N,H,W,C) -> the frames that follow, predicted (n_frames,N,H,W,C); both where the back end computes."""
    frames = len(seen)
    stream.begin()
    for t in range(frames + len(predicted) - 1):
        backend.copy_into(stream.frame, seen[t] if t < frames else predicted[t - frames])
        y = stream.step()
        if t >= frames - 1:
            backend.copy_into(predicted[t - frames + 1], y)
