"""Every activation of the table in ONNX: as the last step of a Conv3D, in the gates and in the cell of a ConvLSTM2D."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine import Conv3D, ConvLSTM2D, Softmax
from export import build_model
from kernels.activations import ACTIVATIONS, parsed
from tests.export.networks import TOLERANCE, randomized, session
from tests.kernels.test_elementwise import WITH_PARAMETERS

SHAPE = (None, 5, 4, 2)

PLACES: dict[str, Callable[[str], Any]] = {
    "conv3d": lambda name: Conv3D(3, 3, padding="same", activation=name, input_shape=SHAPE),
    "conv3d-strides": lambda name: Conv3D(3, 3, strides=2, padding="same", activation=name, input_shape=SHAPE),
    "cell": lambda name: ConvLSTM2D(3, 3, padding="same", return_sequences=True, activation=name, input_shape=SHAPE),
    "gates": lambda name: ConvLSTM2D(
        3, 3, padding="same", return_sequences=True, recurrent_activation=name, input_shape=SHAPE
    ),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", [*ACTIVATIONS, *WITH_PARAMETERS])
def test_the_graph_predicts_what_the_engine_predicts(name: str, place: str) -> None:
    network = randomized([PLACES[place](name)])
    frames = 1 if name == "exponential" else 3  # an exponential of an exponential is infinite soon
    x = np.random.default_rng(0).normal(size=(2, frames, 5, 4, 2)).astype(np.float32)
    model = build_model(network)
    operator = parsed(name).entry.onnx
    assert operator in ("", "Identity") or operator in {node.op_type for node in _nodes(model.graph)}
    expected = network.predict(x)
    found = session(model).run(["predictions"], {"movies": x})[0]
    np.testing.assert_allclose(found, expected, atol=TOLERANCE * max(1.0, float(np.abs(expected).max())))


@pytest.mark.parametrize("axis", [-1, 2, 3, 4, -2, -3])
def test_a_softmax_over_any_axis_of_a_frame(axis: int) -> None:
    network = randomized([Conv3D(3, 3, padding="same", input_shape=SHAPE), Softmax(axis)])
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 4, 2)).astype(np.float32)
    expected = network.predict(x)
    np.testing.assert_allclose(expected.sum(axis=axis), 1.0, rtol=1e-5)
    found = session(build_model(network)).run(["predictions"], {"movies": x})[0]
    np.testing.assert_allclose(found, expected, atol=TOLERANCE)


def test_a_softmax_over_time_is_refused() -> None:
    network = randomized([Conv3D(3, 3, padding="same", input_shape=SHAPE), Softmax(1)])
    with pytest.raises(ValueError, match="layer 'softmax': axis=1 is that of time, which no graph here can do"):
        build_model(network)


def _nodes(graph: Any) -> list[Any]:
    """All nodes, those of the bodies of loops included."""
    found = list(graph.node)
    for node in graph.node:
        for attribute in node.attribute:
            found += _nodes(attribute.g)
    return found
