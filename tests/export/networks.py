"""Networks with random weights, and models run in memory by each executor."""

from typing import Any

import numpy as np
import onnxruntime
from onnx import ModelProto
from onnx.reference import ReferenceEvaluator

from engine import BatchNormalization, Conv3D, ConvLSTM2D, Sequential

Array = np.ndarray[Any, Any]

TOLERANCE = 1e-5


def lstm(filters: int, kernel_size: Any = 3, gates: str = "hard_sigmoid", shape: Any = None) -> ConvLSTM2D:
    """A ConvLSTM2D with the arguments that the engine demands."""
    return ConvLSTM2D(
        filters, kernel_size, padding="same", return_sequences=True, recurrent_activation=gates, input_shape=shape
    )


def conv3d(
    filters: int, kernel_size: Any, padding: str = "same", activation: str = "sigmoid", shape: Any = None
) -> Conv3D:
    """A Conv3D, sigmoid unless told otherwise."""
    return Conv3D(filters, kernel_size, padding=padding, activation=activation, input_shape=shape)


def randomized(layers: list[Any], seed: int = 0) -> Sequential:
    """A built network on the reference back end, every weight noisy: BatchNormalization shifts by several units."""
    network = Sequential(layers, device="reference", seed=seed)
    network.build()
    random = np.random.default_rng(seed)
    weights = []
    for weight in network.weights:
        noise = random.normal(size=weight.shape)
        if weight.name.endswith("moving_variance"):
            weights.append(0.2 + np.abs(noise))
        elif weight.name.endswith(("beta", "moving_mean")):
            weights.append(3.0 * noise)
        else:
            weights.append(weight.to_host() + 0.2 * noise)
    network.set_weights(weights)
    return network


def example(
    height: int | None = 7, width: int | None = 5, channels: int = 1, gates: str = "hard_sigmoid"
) -> Sequential:
    """The example's network, small: ConvLSTM and BatchNormalization in turn, a Conv3D that looks one frame ahead."""
    shape = (None, height, width, channels)
    return randomized(
        [
            lstm(5, 3, gates, shape),
            BatchNormalization(),
            lstm(4, (1, 5), gates),
            BatchNormalization(),
            conv3d(channels, 3),
        ]
    )


def causal() -> Sequential:
    """Every layer sees only the past; a Conv3D stands among the ConvLSTMs; 3 channels."""
    return randomized(
        [
            lstm(4, (5, 3), shape=(None, 4, 9, 3)),
            conv3d(5, (4, 3, 1), "causal", "tanh"),
            BatchNormalization(),
            lstm(11, 1, "sigmoid"),
            conv3d(2, (1, 3, 3), "same", "relu"),
            conv3d(3, (3, 1, 3), "causal", "linear"),
        ]
    )


def without_head() -> Sequential:
    """Two ConvLSTMs and nothing else; as many channels out as in."""
    return randomized([lstm(3, shape=(None, 6, 8, 2)), lstm(2, 3, "hard_sigmoid_keras3")])


def ahead_in_the_middle() -> Sequential:
    """Conv3Ds that look ahead before, between and after ConvLSTMs: one pass over time is not enough."""
    return randomized(
        [
            conv3d(3, (3, 3, 1), activation="relu", shape=(None, 5, 6, 2)),
            lstm(4),
            conv3d(5, (2, 1, 3), activation="tanh"),
            BatchNormalization(),
            lstm(6, 3, "sigmoid"),
            conv3d(4, (5, 3, 3), activation="linear"),
            conv3d(2, 3),
        ]
    )


def convolutions_only() -> Sequential:
    """No state at all."""
    return randomized(
        [conv3d(3, (1, 3, 3), activation="tanh", shape=(None, 5, 4, 2)), BatchNormalization(), conv3d(1, 3)]
    )


def one_tap(height: int | None = 6, width: int | None = 4) -> Sequential:
    """A head of one tap, with Keras' default padding; None: frames of any size."""
    network = Sequential(device="reference", seed=4)
    network.add(ConvLSTM2D(4, (3, 3), padding="same", return_sequences=True, input_shape=(None, height, width, 1)))
    network.add(Conv3D(1, 1, activation="sigmoid"))
    network.build()
    return network


FRAME_BY_FRAME = {"example": example, "causal": causal, "without_head": without_head, "one_tap": one_tap}
ALL = {**FRAME_BY_FRAME, "ahead_in_the_middle": ahead_in_the_middle, "convolutions_only": convolutions_only}


def movies_for(network: Sequential, n: int, frames: int, height: int = 7, width: int = 5) -> Array:
    """Random movies of the network's size, or of this height and width where it leaves them open."""
    assert network.input_shape is not None
    _, rows, columns, channels = network.input_shape
    random = np.random.default_rng(n * 100 + frames)
    return random.random((n, frames, rows or height, columns or width, channels), dtype=np.float32)


def session(model: ModelProto, optimized: bool = True) -> Any:
    """onnxruntime on the CPU, with all optimisations or with none."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    level = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if optimized else level.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def run_everywhere(model: ModelProto, feeds: dict[str, Array]) -> dict[str, Array]:
    """The first output, by each executor."""
    return {
        "optimized": session(model).run(None, feeds)[0],
        "as written": session(model, optimized=False).run(None, feeds)[0],
        "onnx.reference": ReferenceEvaluator(model).run(None, feeds)[0],
    }


def assert_close(found: Array, expected: Array, tolerance: float = TOLERANCE) -> None:
    """Equal shapes, and no element off by more than the tolerance."""
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=tolerance)
