"""Convolutions and Dense over inputs of every rank, in graphs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import (
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Conv3DTranspose,
    Dense,
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
    Sequential,
)
from engine.layers import Layer
from export import OnnxNetwork

NETWORKS: dict[str, tuple[tuple[int, ...], list[Any]]] = {
    "vectors": ((5,), [lambda: Dense(3, "tanh"), lambda: Dense(2, "softmax")]),
    "steps": (
        (7, 3),
        [
            lambda: Conv1D(4, 3, padding="causal", dilation_rate=2),
            lambda: SeparableConv1D(2, 2),
            lambda: Conv1DTranspose(3, 4, strides=3, output_padding=1),
            lambda: DepthwiseConv1D(2, strides=2, padding="same"),
            lambda: Dense(3, "softmax"),
        ],
    ),
    "frames": (
        (8, 9, 3),
        [
            lambda: SeparableConv2D(3, 3, dilation_rate=2),
            lambda: DepthwiseConv2D(2, strides=2),
            lambda: Conv2DTranspose(2, 4, strides=2, padding="same"),
            lambda: Conv2DTranspose(2, 2, strides=3),
            lambda: Conv2D(3, (2, 3), strides=(1, 2)),
        ],
    ),
    "movies": (
        (4, 5, 6, 3),
        [
            lambda: Conv2D(4, (3, 2), strides=2, padding="same"),
            lambda: Dense(2, "sigmoid"),
            lambda: Conv3DTranspose(2, (2, 3, 2), strides=(1, 2, 2)),
        ],
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_graph_predicts_what_the_engine_predicts(name: str, tmp_path: Path) -> None:
    shape, makers = NETWORKS[name]
    layers: list[Layer] = [make() for make in makers]
    layers[0].input_shape = shape
    network = Sequential(layers, device="reference")
    network.build()
    random = np.random.default_rng(4)
    for weight in network.weights:
        weight.assign(random.uniform(-0.6, 0.6, weight.shape))
    x = random.standard_normal((2, *shape)).astype(np.float32)
    network.export(tmp_path / "model.onnx")
    np.testing.assert_allclose(OnnxNetwork(tmp_path / "model.onnx").predict(x), network.predict(x), atol=1e-5)
