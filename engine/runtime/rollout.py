"""Free-running prediction: each predicted frame is the next input.

A ConvLSTM, inference BatchNormalization and a causal Conv3D see only the past, and for the last frame of a track a
'same' Conv3D sees zero padding where later frames would be. So the states of the layers are all that the past leaves,
and a new frame costs one step, whatever the length of the track. The result equals predicting the whole growing track
again for every frame, as the Keras example does. Where it would not (a Conv3D that looks ahead stands before another
layer, whose earlier outputs then change as frames arrive; a layer that gives its last frame only, runs backwards, or
is channels_first), the growing track is predicted again. Either way the states of stateful layers are left alone.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from engine.layers import ConvLSTM2D, Layer
from engine.layers.weight import known
from engine.runtime.frame_stream import FrameStream
from kernels import Backend

Array = np.ndarray[Any, Any]


def can_stream(layers: list[Layer]) -> bool:
    """Whether one step per frame is exact: each frame gives one, and only the last layer may look ahead."""
    return all(layer.can_stream for layer in layers) and not any(layer.looks_ahead for layer in layers[:-1])


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


def growing_rollout(predict: Callable[[Array], Array], track: Array, n_frames: int) -> Array:
    """The same by definition: predict the whole track, append its last frame (or only one), n_frames times."""
    frames = track.shape[1]
    for _ in range(n_frames):
        predicted = predict(track)
        last = predicted[:, -1:] if predicted.ndim == 5 else predicted[:, np.newaxis]
        track = np.concatenate([track, last.astype(track.dtype)], axis=1)
    return track[:, frames:]
