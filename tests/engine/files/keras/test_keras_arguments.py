"""Every argument of the layers does what it did in real Keras: output, loss, gradients, ten steps, states.

tests/fixtures/make_keras_arguments.py made the files, in float64, and says what is in them; its cases stand in
keras_argument_cases.py. Dropout is compared given Keras' own masks. CUDA: tests/kernels/cuda/test_keras_arguments.py.
"""

import json
from typing import Any

import numpy as np
import pytest

import engine
from bench.peers.keras_comparison.here import layers_here
from engine.initializers import get_initializer
from tests.engine.files.keras.keras_argument_fixture import FOLDER, Fixture, compare
from tests.fixtures.keras_argument_cases import CALLS, CASES

FIXTURES = FOLDER.parent
HOSTS = [("reference", "float64"), ("cpu", "float64"), ("cpu", "float32")]


def test_every_case_has_its_file_and_every_file_its_case() -> None:
    cases = CASES | CALLS
    assert {path.stem for path in FOLDER.glob("*.npz")} == set(cases)
    for name, case in cases.items():
        config = Fixture(name, "reference", "float64").config
        assert config["layers"] == json.loads(json.dumps(case.layers)), name
        assert config["keras"] == case.version
        assert config["versions"].startswith("keras 3." if case.version == 3 else "tf_keras 2.")


@pytest.mark.parametrize(("device", "dtype"), HOSTS)
@pytest.mark.parametrize("name", CASES)
def test_a_network_does_what_it_did_in_keras(name: str, device: str, dtype: str) -> None:
    compare(Fixture(name, device, dtype))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CALLS)
def test_a_layer_called_with_states_does_what_it_did_in_keras(name: str, dtype: str) -> None:
    fixture = Fixture(name, "cpu", dtype)
    given = {**fixture.config["layers"][0], "return_state": True}
    (layer,) = layers_here([given], fixture["x"].shape)
    assert isinstance(layer, engine.ConvLSTM2D)
    x, states = fixture["x"].astype(dtype), [fixture[name].astype(dtype) for name in ("h0", "c0")]
    layer(x, initial_state=states)
    sizes = np.cumsum([np.prod(weight.shape) for weight in layer.weights])[:-1]
    for weight, array in zip(layer.weights, np.split(fixture["initial"], sizes), strict=True):
        weight.assign(array.reshape(weight.shape).astype(dtype))
    for actual, expected in zip(layer(x, initial_state=states, training=True), ("out", "h", "c"), strict=True):
        fixture.close(actual, fixture[expected], expected)
    back = layer.backward(fixture["by_out"].astype(dtype), [fixture[name].astype(dtype) for name in ("by_h", "by_c")])
    for actual, expected in zip((back.dx, *back.dstate), ("dx", "dh0", "dc0"), strict=True):
        fixture.close(actual, fixture[expected], expected)
    for weight, expected in zip(layer.weights, np.split(fixture["gradients"], sizes), strict=True):
        fixture.close(back.weights[weight.name], expected.reshape(weight.shape), f"gradient of {weight.name}")


with (FIXTURES / "keras_initializers.json").open(encoding="utf-8") as _file:
    DRAWN = json.load(_file)


@pytest.mark.parametrize("row", DRAWN["initializers"], ids=lambda row: json.dumps(row["initializer"])[:60])
def test_an_initializer_draws_like_keras(row: dict[str, Any]) -> None:
    drawn = get_initializer("kernel_initializer", row["initializer"])(tuple(DRAWN["shape"]), np.random.default_rng(3))
    assert drawn.std() == pytest.approx(row["std"], rel=0.02, abs=1e-12)
    spread = max(row["std"], 1e-6)
    inner = slice(1, -1)  # the smallest and the largest of so many numbers are luck where there is no bound
    quantiles = np.quantile(drawn, DRAWN["quantiles"])
    np.testing.assert_allclose(quantiles[inner], row["quantiles"][inner], rtol=0, atol=0.05 * spread)
    if "uniform" in json.dumps(row["initializer"]):
        np.testing.assert_allclose(quantiles[[0, -1]], np.array(row["quantiles"])[[0, -1]], rtol=0, atol=0.01 * spread)
