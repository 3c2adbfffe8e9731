"""Free-running prediction before any device: what it is by definition, and when a step for each frame gives the same.

A ConvLSTM, inference BatchNormalization and a causal Conv3D see only the past, and for the last frame of a track a
'same' Conv3D sees zero padding where later frames would be. So the states of the layers are all that the past leaves,
and a new frame costs one step, whatever the length of the track. The result equals predicting the whole growing track
again for every frame, as the Keras example does. Where it would not (a Conv3D that looks ahead stands before another
layer, whose earlier outputs then change as frames arrive; a layer that gives its last frame only, runs backwards, or
is channels_first), the growing track is predicted again. Either way the states of stateful layers are left alone.
"""

from collections.abc import Callable

import numpy as np

from engine.layers import Layer
from engine.layers.weight import Shape
from kernels.arrays import HostArray


def can_stream(layers: list[Layer]) -> bool:
    """Whether one step per frame is exact: each frame gives one, and only the last layer may look ahead."""
    return all(layer.can_stream for layer in layers) and not any(layer.looks_ahead for layer in layers[:-1])


def check_rollout(layers: list[Layer], movie: Shape) -> None:
    """Refuse layers that cannot run free from a movie (T,H,W,C).

    Raises ValueError: the network's frames cannot be its next input, or it is stateful and cannot stream.
    """
    made = movie
    for layer in layers:
        made = layer.output_shape(made)
    if made[-3:] != movie[1:]:
        raise ValueError(
            f"rollout: the output's frames have shape {made[-3:]} and the input's {movie[1:]}; an output frame can "
            "be the next input only if they agree"
        )
    stateful = [layer.name for layer in layers if layer.stateful]
    if stateful and not can_stream(layers):
        raise ValueError(
            f"rollout: {stateful[0]} is stateful, and this network must predict its whole track again for every "
            "frame; pass stateful=False"
        )


def growing_rollout(predict: Callable[[HostArray], HostArray], track: HostArray, n_frames: int) -> HostArray:
    """The frames that follow a track (N,T,H,W,C): predict the whole track, append its last frame, n_frames times."""
    frames = track.shape[1]
    for _ in range(n_frames):
        predicted = predict(track)
        last = predicted[:, -1:] if predicted.ndim == 5 else predicted[:, np.newaxis]
        track = np.concatenate([track, last.astype(track.dtype)], axis=1)
    return track[:, frames:]
