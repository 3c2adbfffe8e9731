"""LSTM, ConvLSTM1D, Bidirectional, states as edges: files of real Keras in float64, opened, trained and exported."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine
from export import OnnxNetwork
from tests.engine.networks import FLOAT64_DEVICES
from tests.fixtures.keras_recurrent_cases import CASES
from tests.kernels.directional import check_direction
from tests.paths import FIXTURES
from tests.simulated import simulate_device

Array = np.ndarray[Any, Any]

TOLERANCE = 1e-9
FLOAT32 = 2e-5


@pytest.fixture(scope="module")
def keras() -> dict[str, Array]:
    with np.load(FIXTURES / "keras_recurrent.npz", allow_pickle=False) as file:
        return dict(file)


def kept(keras: dict[str, Array], case: str, letter: str) -> list[Array]:
    """The arrays y0, y1, ... or p0, p1, ... of a case."""
    names = sorted(name for name in keras if name.startswith(f"{case}/{letter}") and name[-1].isdigit())
    return [keras[name] for name in names]


def opened(case: str, device: str, dtype: str = "float64") -> Any:
    return engine.load_model(FIXTURES / "keras_recurrent" / f"{case}.keras", device=device, dtype=dtype)


def listed(value: Any) -> list[Array]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("device", FLOAT64_DEVICES)
@pytest.mark.parametrize("case", CASES)
def test_a_network_predicts_and_trains_as_in_keras(case: str, device: str, keras: dict[str, Array]) -> None:
    network, x, targets = opened(case, device), keras[f"{case}/x"], kept(keras, case, "y")
    for actual, expected in zip(listed(network.predict(x)), kept(keras, case, "p"), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCE)
    given = targets if len(targets) > 1 else targets[0]
    losses = [float(np.ravel(network.train_on_batch(x, given))[0]) for _ in keras[f"{case}/losses"]]
    np.testing.assert_allclose(losses, keras[f"{case}/losses"], rtol=TOLERANCE)


@pytest.mark.parametrize("case", ["lstm_concat", "rows_edges", "frames_both"])
def test_the_simulator_trains_as_keras_does(
    case: str, keras: dict[str, Array], monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate_device(monkeypatch, checked=False)
    network, targets = opened(case, "cuda", "float32"), kept(keras, case, "y")
    losses = [
        float(np.ravel(network.train_on_batch(keras[f"{case}/x"], targets if len(targets) > 1 else targets[0]))[0])
        for _ in keras[f"{case}/losses"]
    ]
    np.testing.assert_allclose(losses, keras[f"{case}/losses"], rtol=FLOAT32)


@pytest.mark.parametrize("case", CASES)
def test_gradients_are_the_numeric_ones(case: str, keras: dict[str, Array]) -> None:
    network, x, targets = opened(case, "reference"), keras[f"{case}/x"], kept(keras, case, "y")
    given = targets if len(targets) > 1 else targets[0]
    gradients = network.loss_and_gradients(x, given)[1]
    for weight in network.weights:
        if x.shape[1] == 1 and weight.name.endswith("recurrent_kernel"):
            continue  # the first step sees a state of zeros
        before = weight.to_host()

        def loss(value: Array, weight: Any = weight) -> float:
            weight.assign(value)
            return float(network.loss_and_gradients(x, given)[0])

        check_direction(loss, before, gradients[weight.name], weight.name)
        weight.assign(before)


@pytest.mark.parametrize("case", CASES)
def test_the_sequence_graph_predicts_the_same(case: str, keras: dict[str, Array], tmp_path: Path) -> None:
    opened(case, "reference").export(tmp_path / "model.onnx", graph="sequence")
    made = listed(OnnxNetwork(tmp_path / "model.onnx").predict(keras[f"{case}/x"].astype(np.float32)))
    for actual, expected in zip(made, kept(keras, case, "p"), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=0, atol=FLOAT32)


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".safetensors"])
@pytest.mark.parametrize("case", ["lstm_states", "rows_mul", "frames_edges"])
def test_a_network_comes_back_from_a_file(case: str, suffix: str, keras: dict[str, Array], tmp_path: Path) -> None:
    network, x = opened(case, "reference"), keras[f"{case}/x"]
    network.save(tmp_path / f"model{suffix}")
    again = engine.load_model(tmp_path / f"model{suffix}", device="reference", dtype="float64")
    for actual, expected in zip(listed(again.predict(x)), listed(network.predict(x)), strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_both_directions_carry_their_states() -> None:
    layer = engine.Bidirectional(engine.LSTM(2, return_sequences=True, stateful=True))
    network = engine.Sequential([layer], device="reference", dtype="float64", seed=1)
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    first, second = network.predict(x), network.predict(x)
    assert np.abs(first - second).max() > 1e-3
    states = layer.carried.to_host()
    assert states is not None and len(states) == len(layer.state_names)
    network.reset_states()
    np.testing.assert_array_equal(network.predict(x), first)


@pytest.mark.parametrize(
    ("says", "make"),
    [
        ("layer: expected an LSTM, ConvLSTM1D or ConvLSTM2D, got Dense", lambda: engine.Bidirectional(engine.Dense(1))),
        ("merge_mode", lambda: engine.Bidirectional(engine.LSTM(1), merge_mode="max")),
        (
            "backward_layer: expected go_backwards=True",
            lambda: engine.Bidirectional(engine.LSTM(1), backward_layer=engine.LSTM(1)),
        ),
        ("lstm: expected sequences of vectors", lambda: engine.LSTM(1)(engine.Input((3, 4, 5)))),
        (
            r"initial_state: expected h of shape \(2,\), got \(3,\)",
            lambda: engine.LSTM(2)(engine.Input((4, 5)), initial_state=[engine.Input((3,)), engine.Input((2,))]),
        ),
    ],
)
def test_what_cannot_be_is_named(says: str, make: Any) -> None:
    with pytest.raises(ValueError, match=says):
        make()


@pytest.mark.parametrize("samples", [1, 3, 16, 36])
def test_a_batch_is_its_samples_however_it_is_cut(samples: int) -> None:
    states = engine.Input((5,)), engine.Input((5,))
    sequence = engine.Input((3, 2))
    outputs = engine.LSTM(5, return_sequences=True, return_state=True)(sequence, initial_state=list(states))
    network = engine.Model([sequence, *states], outputs, device="reference", dtype="float64", seed=1)
    random = np.random.default_rng(0)
    given = [random.standard_normal((samples, *shape)) for shape in ((3, 2), (5,), (5,))]
    whole = network.predict(given)
    for number in range(samples):
        alone = network.predict([array[number : number + 1] for array in given])
        for one, all_of_them in zip(alone, whole, strict=True):
            np.testing.assert_allclose(one[0], all_of_them[number], atol=1e-12)
