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

from engine.graph.graph import Graph
from engine.layers.weight import Shape
from kernels.arrays import HostArray


def can_stream(graph: Graph) -> bool:
    """Whether one step per frame is exact: each frame gives one, and only what nothing else reads may look ahead."""
    readers = graph.readers()
    last = set(graph.outputs)
    return all(
        call.layer.can_stream
        and not call.initial_states
        and len(call.outputs) == 1
        and (not call.layer.looks_ahead or (call.outputs[0] in last and readers[call.outputs[0]] == 1))
        for call in graph.calls
    )


def check_rollout(graph: Graph, movie: Shape) -> None:
    """Refuse a graph of one input and one output that cannot run free from a movie (T,H,W,C).

    Raises ValueError: the network's frames cannot be its next input, or it is stateful and cannot stream.
    """
    [made] = graph.output_shapes([movie])
    if made[-3:] != movie[1:]:
        raise ValueError(
            f"rollout: the output's frames have shape {made[-3:]} and the input's {movie[1:]}; an output frame can "
            "be the next input only if they agree"
        )
    stateful = [layer.name for layer in graph.leaves if layer.stateful]
    if stateful and not can_stream(graph):
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
