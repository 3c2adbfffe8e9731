"""Merging and reshaping layers in ONNX, each alone, against what real Keras computed."""

from pathlib import Path

import numpy as np
import pytest

from engine import Model
from engine.layers import LAYERS, Input
from export import OnnxNetwork
from tests.fixtures.keras_shape_cases import CASES
from tests.paths import FIXTURES

OFFERED = [name for name, case in CASES.items() if case.arguments.get("data_format") != "channels_first"]


def model(case: str) -> Model:
    """The case's layer alone."""
    kind, shapes, arguments = CASES[case]
    inputs = [Input(shape[1:], name=f"x_{number}") for number, shape in enumerate(shapes)]
    layer = LAYERS[kind](**arguments)
    return Model(inputs, layer(inputs if len(inputs) > 1 else inputs[0]), device="reference")


@pytest.mark.parametrize("case", OFFERED)
def test_a_layer_in_onnx_is_keras(case: str, tmp_path: Path) -> None:
    model(case).export(tmp_path / "model.onnx")
    with np.load(FIXTURES / "keras_shapes.npz", allow_pickle=False) as keras:
        inputs = [keras[f"{case}/x_{number}"] for number in range(len(CASES[case].shapes))]
        expected = keras[f"{case}/y"]
    found = OnnxNetwork(tmp_path / "model.onnx").predict(inputs if len(inputs) > 1 else inputs[0])
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("case", [name for name in CASES if name not in OFFERED])
def test_channels_first_is_refused(case: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="data_format: expected 'channels_last'"):
        model(case).export(tmp_path / "model.onnx")
