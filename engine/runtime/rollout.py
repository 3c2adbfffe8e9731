"""Free-running prediction on a device: each predicted frame is the next input (engine/graph/rollout.py)."""

from collections.abc import Callable
from typing import Any

import numpy as np

from engine.graph.rollout import can_stream, growing_rollout
from engine.layers import ConvLSTM2D, Layer
from engine.layers.weight import known
from engine.runtime.frame_stream import FrameStream
from kernels import Backend

Array = np.ndarray[Any, Any]


def rollout(
    layers: list[Layer],
    stream: Callable[[Array, int], Array],
    predict: Callable[[Array], Array],
    track: Array,
    n_frames: int,
) -> Array:
    """The n_frames frames that follow a track (N,T,H,W,C), checked: (N,n_frames,H,W,C). The layers are built.

    stream(track, n_frames) does so with a step of each layer for each frame; predict(track) gives the network's output.

    Raises ValueError: the network's frames cannot be its next input, or it is stateful and cannot stream.
    """
    movie = known(track.shape[1:])
    made = movie
    for layer in layers:
        made = known(layer.output_shape(made))
    if made[-3:] != movie[1:]:
        raise ValueError(
            f"rollout: the output's frames have shape {made[-3:]} and the input's {movie[1:]}; an output frame can "
            "be the next input only if they agree"
        )
    if can_stream(layers):
        return stream(track, n_frames)
    stateful = [layer.name for layer in layers if isinstance(layer, ConvLSTM2D) and layer.stateful]
    if stateful:
        raise ValueError(
            f"rollout: {stateful[0]} is stateful, and this network must predict its whole track again for every "
            "frame; pass stateful=False"
        )
    return growing_rollout(predict, track, n_frames)


def streaming_rollout(backend: Backend, stream: FrameStream, track: Array, n_frames: int) -> Array:
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
