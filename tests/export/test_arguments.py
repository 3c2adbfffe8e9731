"""Every argument of every layer in the graphs: equal to the engine, or refused by name."""

from typing import Any

import numpy as np
import pytest

from engine import BatchNormalization, Conv3D, ConvLSTM2D, Sequential
from export import build_model
from tests.engine.layers.layer_cases import CASES, batch, network
from tests.export.networks import TOLERANCE, randomized, session

NOT_IN_ONNX = {
    "channels_first": "data_format",
    "channels_first-strides": "data_format",
    "last_frame-composed": "data_format",
    "conv3d-channels_first": "data_format",
    "conv2d-channels_first": "data_format",
    "depthwise-channels_first": "data_format",
    "padding-channels_first": "data_format",
    "flatten-channels_first": "data_format",
    "pooling-channels_first": "data_format",
    "up_sampling-channels_first": "data_format",
    "norm-time": "axis",
    "layer_norm-time": "axis",
    "spatial_dropout3d-first": "data_format",
    "stateful": "stateful",
    "stateful-composed": "stateful",
}


@pytest.mark.parametrize("case", [case for case in CASES if case not in NOT_IN_ONNX])
def test_the_sequence_graph_predicts_what_the_engine_predicts(case: str) -> None:
    built = network(case, "reference")
    x, _ = batch(built)
    np.testing.assert_allclose(run(built, x), built.predict(x), atol=TOLERANCE)


@pytest.mark.parametrize("case", NOT_IN_ONNX)
def test_what_no_graph_can_do_is_refused_by_name(case: str) -> None:
    built = network(case, "reference")
    with pytest.raises(ValueError, match=f"layer .*{NOT_IN_ONNX[case]}"):
        build_model(built)


def mixed() -> Sequential:
    """Sizes that change, a layer that goes backwards behind one that goes forwards, whole movies in between."""
    return randomized(
        [
            ConvLSTM2D(3, 3, strides=2, padding="same", return_sequences=True, input_shape=(None, 9, 8, 2)),
            BatchNormalization(),
            Conv3D(4, (2, 2, 2), activation="relu"),
            ConvLSTM2D(2, (2, 3), padding="same", return_sequences=True, activation="relu", use_bias=False),
            ConvLSTM2D(2, 2, go_backwards=True, recurrent_activation="sigmoid"),
            BatchNormalization(center=False),
        ]
    )


def test_a_network_of_all_kinds() -> None:
    built = mixed()
    x = np.random.default_rng(0).random((2, 5, 9, 8, 2))
    np.testing.assert_allclose(run(built, x), built.predict(x), atol=TOLERANCE)


def test_sizes_that_change_must_be_known() -> None:
    with pytest.raises(ValueError, match="layer 'conv_lstm2d': strides and padding='valid' change the size"):
        build_model(mixed(), dynamic_size=True)


def last_frame() -> Sequential:
    return randomized([ConvLSTM2D(2, 3, padding="same", activation="relu", input_shape=(None, 5, 6, 2))])


def test_the_last_frame_alone_step_by_step() -> None:
    built = last_frame()
    x = np.random.default_rng(0).random((2, 4, 5, 6, 2)).astype(np.float32)
    step = session(build_model(built, graph="step"))
    states = {name: np.zeros((2, 2, 5, 6), np.float32) for name in ("past.conv_lstm2d.h", "past.conv_lstm2d.c")}
    for t in range(4):
        feeds = {"frame": x[:, t], **states}
        names = ["prediction", "present.conv_lstm2d.h", "present.conv_lstm2d.c"]
        prediction, h, c = step.run(names, feeds)
        states = {"past.conv_lstm2d.h": h, "past.conv_lstm2d.c": c}
        np.testing.assert_allclose(prediction, built.predict(x[:, : t + 1]), atol=TOLERANCE)


def test_the_last_frame_alone_rolls_out() -> None:
    built = last_frame()
    x = np.random.default_rng(0).random((2, 4, 5, 6, 2)).astype(np.float32)
    feeds = {"movies": x, "n_frames": np.array(3, np.int64)}
    (frames,) = session(build_model(built, graph="rollout")).run(["frames"], feeds)
    np.testing.assert_allclose(frames, built.rollout(x, 3), atol=TOLERANCE)


@pytest.mark.parametrize("graph", ["step", "rollout"])
@pytest.mark.parametrize("case", ["backwards", "conv3d-strides"])
def test_whole_movies_do_not_go_frame_by_frame(graph: str, case: str) -> None:
    with pytest.raises(ValueError, match=f"graph: '{graph}' runs frame by frame"):
        build_model(network(case, "reference"), graph=graph)


def run(built: Sequential, x: Any) -> Any:
    """The sequence graph's predictions by onnxruntime."""
    return session(build_model(built)).run(["predictions"], {"movies": x.astype(np.float32)})[0]
