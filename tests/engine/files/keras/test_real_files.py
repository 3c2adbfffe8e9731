"""What real Keras 3 and Keras 2 saved is opened, predicts the same, trains on from where it was, and is saved back.

tests/fixtures/make_keras_files.py made the files, make_old_keras_files.py those in older layouts; both say what is in
them.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine
from tests.paths import FIXTURES

Array = np.ndarray[Any, Any]

FOLDER = FIXTURES / "keras_files"
STEPS = 3
TOLERANCE = 1e-5
FULL = [
    ("keras3", "keras3.keras"),
    ("keras3", "keras3_legacy.h5"),
    ("keras3_functional", "keras3_functional.keras"),
    ("keras2", "keras2.h5"),
    ("keras2", "keras2.keras"),
    ("keras2_functional", "keras2_functional.h5"),
    ("keras2", "keras1.h5"),
    ("keras2", "keras1_theano.h5"),
    ("keras2", "keras22.h5"),
]
WEIGHTS_ONLY = [("keras3", "keras3.weights.h5"), ("keras2", "keras2_weights.h5"), ("keras2", "chunked.h5")]

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


class Expected:
    """What Keras computed."""

    def __init__(self, name: str) -> None:
        with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
            self._arrays = dict(file)
        self.x, self.y, self.prediction = (self._arrays[key] for key in ("x", "y", "prediction"))

    def all(self, prefix: str) -> list[Array]:
        return [self._arrays[key] for key in sorted(self._arrays) if key.startswith(f"{prefix}_0")]


def accumulators(network: engine.Sequential) -> list[Array]:
    state = network.state_arrays()
    slots = ("accumulated_gradient", "accumulated_delta")
    return [state[f"optimizer/{slot}/{weight.name}"] for slot in slots for weight in network.trainable_weights]


def close(actual: list[Array], expected: list[Array], tolerance: float = TOLERANCE) -> None:
    for a, e in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a, e, rtol=tolerance, atol=tolerance)


def bessel_tolerance(name: str, expected: Expected) -> float:
    """tf.keras' fused BatchNormalization moves its variance by n/(n-1) times the batch's, not by that."""
    return 1.5 / expected.x[..., 0].size if name.startswith("keras2") else TOLERANCE


def test_every_file_is_tested() -> None:
    named = {file for _, file in FULL + WEIGHTS_ONLY}
    assert named == {path.name for path in FOLDER.iterdir() if path.suffix != ".npz"}


@pytest.mark.parametrize(("name", "file"), FULL)
def test_it_predicts_what_keras_predicted(name: str, file: str) -> None:
    expected = Expected(name)
    network = engine.load_model(FOLDER / file, device="reference")
    close([network.predict(expected.x)], [expected.prediction])
    assert np.ptp(expected.prediction) > 1e-2


@pytest.mark.parametrize(("name", "file"), FULL)
def test_it_trains_on_from_where_keras_was(name: str, file: str) -> None:
    expected = Expected(name)
    network = engine.load_model(FOLDER / file, device="reference")
    state = expected.all("gradient") + expected.all("delta")
    close(accumulators(network), state, 1e-7)
    assert all(np.abs(array).max() > 0 for array in state)
    for _ in range(STEPS):
        network.train_on_batch(expected.x, expected.y)
    for weight, actual, after in zip(network.weights, network.get_weights(), expected.all("final"), strict=True):
        close([actual], [after], bessel_tolerance(name, expected) if "variance" in weight.name else TOLERANCE)
    for weight, before, after in zip(network.weights, expected.all("weights"), expected.all("final"), strict=True):
        assert np.abs(after - before).max() > 1e-4, f"{weight.name} was trained too little to tell"


@pytest.mark.parametrize(("name", "file"), FULL)
def test_zero_accumulators_would_be_noticed(name: str, file: str) -> None:
    expected = Expected(name)
    network = engine.load_model(FOLDER / file, device="reference")
    network.compile(loss=network.loss, optimizer=engine.Adadelta(**{
        key: value for key, value in network.optimizer.get_config().items() if key != "class_name"
    }))  # fmt: skip
    for _ in range(STEPS):
        network.train_on_batch(expected.x, expected.y)
    apart = [np.abs(a - e).max() for a, e in zip(network.get_weights(), expected.all("final"), strict=True)]
    assert max(apart) > 100 * TOLERANCE


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize(("name", "file"), FULL)
def test_it_is_saved_back_with_everything(name: str, file: str, suffix: str, tmp_path: Path) -> None:
    network = engine.load_model(FOLDER / file, device="reference")
    network.save(tmp_path / f"back{suffix}")
    again = engine.load_model(tmp_path / f"back{suffix}", device="reference")
    config = network.get_config()
    assert again.get_config() == config
    for layer, other in zip(network.layers, again.layers, strict=True):
        close(other.get_weights(), layer.get_weights(), 1e-6)
    close(accumulators(again), accumulators(network), 1e-6)


@pytest.mark.parametrize(("name", "file"), FULL + WEIGHTS_ONLY)
def test_weights_go_into_a_network_that_there_is(name: str, file: str) -> None:
    expected = Expected(name)
    whole = next(other for owner, other in FULL if owner == name)
    network = engine.load_model(FOLDER / whole, device="reference")
    network.set_weights([np.zeros(weight.shape) for weight in network.weights])
    network.load_weights(FOLDER / file)
    close([network.predict(expected.x)], [expected.prediction])
    close(accumulators(network), expected.all("gradient") + expected.all("delta"), 1e-7)


def test_weights_and_state_go_into_a_network_before_it_is_built() -> None:
    expected = Expected("keras3")
    network = engine.Sequential(device="reference")
    network.add(engine.ConvLSTM2D(2, (3, 5), padding="same", return_sequences=True,
                                  recurrent_activation="hard_sigmoid_keras3"))  # fmt: skip
    network.add(engine.BatchNormalization(epsilon=1e-2))
    network.add(engine.ConvLSTM2D(3, (1, 3), padding="same", return_sequences=True, recurrent_activation="sigmoid"))
    network.add(engine.Conv3D(1, (2, 3, 3), padding="causal", activation="sigmoid"))
    network.compile(loss="binary_crossentropy", optimizer="adadelta")
    network.load_weights(FOLDER / "keras3.weights.h5")
    close([network.predict(expected.x)], [expected.prediction])
    close(accumulators(network), expected.all("gradient") + expected.all("delta"), 1e-7)


@pytest.mark.parametrize(
    ("file", "gates"),
    [
        ("keras3.keras", ["hard_sigmoid_keras3", "sigmoid"]),
        ("keras3_legacy.h5", ["hard_sigmoid_keras3", "sigmoid"]),
        ("keras2.h5", ["hard_sigmoid", "sigmoid"]),
        ("keras2.keras", ["hard_sigmoid", "sigmoid"]),
        ("keras1_theano.h5", ["hard_sigmoid", "sigmoid"]),
    ],
)
def test_hard_sigmoid_is_that_of_the_keras_that_wrote_the_file(file: str, gates: list[str]) -> None:
    network = engine.load_model(FOLDER / file, device="reference")
    layers = network.get_config()["layers"]
    assert [layer["config"]["recurrent_activation"] for layer in layers if layer["class_name"] == "ConvLSTM2D"] == gates


@pytest.mark.parametrize("file", ["keras2.h5", "keras2.keras", "keras1.h5"])
def test_a_keras_2_file_warns_of_what_keras_3_makes_of_it(file: str) -> None:
    with pytest.warns(UserWarning, match=r"Keras 3 itself opens this file with clip\(x/6"):
        engine.load_model(FOLDER / file, device="reference")


def test_compile_arguments_and_shape_come_along() -> None:
    config = engine.load_model(FOLDER / "keras3.keras", device="reference").get_config()
    assert config["loss"] == "binary_crossentropy"
    assert config["optimizer"] == {
        "class_name": "Adadelta", "learning_rate": 0.5, "rho": 0.9, "epsilon": pytest.approx(1e-6),
    }  # fmt: skip
    assert config["input_shape"] == [4, 5, 6, 1]
    assert config["layers"][1]["config"]["momentum"] == 0.9
    functional = engine.load_model(FOLDER / "keras3_functional.keras", device="reference")
    assert functional.get_config()["loss"] == "mse"
    assert functional.input_shape == (None, 5, 6, 1)


def test_the_fixtures_say_which_files_they_describe() -> None:
    for path in FOLDER.glob("*.npz"):
        with np.load(path, allow_pickle=False) as file:
            assert all((FOLDER / name).is_file() for name in json.loads(str(file["files"])))
