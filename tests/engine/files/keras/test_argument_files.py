"""Files with every argument and every optimizer, saved by real Keras: opened, predict the same, train on, saved back.

tests/fixtures/make_keras_argument_files.py made them and says what is in them.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine
from bench.peers.keras_comparison.here import split
from engine.layers import LAYERS
from tests.paths import FIXTURES

FOLDER = FIXTURES / "keras_argument_files"
STEPS = 3
TOLERANCE = 1e-5
NAMES = sorted(path.stem for path in FOLDER.glob("*.npz"))
FILES = sorted(path.name for path in FOLDER.iterdir() if path.suffix != ".npz")

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def expected(file: str) -> dict[str, Any]:
    """What Keras computed with the network of a file."""
    with np.load(FOLDER / f"{Path(file).stem}.npz", allow_pickle=False) as arrays:
        return dict(arrays)


def predicted(network: engine.Sequential, x: np.ndarray) -> np.ndarray:
    """From zero states, to which it goes back."""
    network.reset_states()
    output = network.predict(x, batch_size=len(x))
    network.reset_states()
    return output


def test_every_file_has_a_case() -> None:
    assert sorted(file for name in NAMES for file in json.loads(str(expected(name)["files"]))) == FILES


@pytest.mark.parametrize("file", FILES)
def test_it_predicts_what_keras_predicted(file: str) -> None:
    keras = expected(file)
    network = engine.load_model(FOLDER / file, device="reference")
    assert network.optimizer is not None
    np.testing.assert_allclose(predicted(network, keras["x"]), keras["prediction"], rtol=TOLERANCE, atol=TOLERANCE)
    assert np.ptp(keras["prediction"]) > 1e-2


@pytest.mark.parametrize("suffix", ["", ".keras", ".h5"])
@pytest.mark.parametrize("file", [file for file in FILES if "dropout" not in file])
def test_it_trains_on_from_where_keras_was(file: str, suffix: str, tmp_path: Path) -> None:
    """As it was opened, and opened again after it was saved back in either format."""
    keras = expected(file)
    network = engine.load_model(FOLDER / file, device="reference")
    if suffix:
        if gates_without_a_name(keras, suffix):
            with pytest.raises(ValueError, match=r"has no activation 'hard_sigmoid.*' by name; save for the other"):
                network.save(tmp_path / f"back{suffix}")
            return
        network.save(tmp_path / f"back{suffix}")
        network = engine.load_model(tmp_path / f"back{suffix}", device="reference")
    if file == "keras3.h5":  # written in an order of Keras 3 that Keras 3 reads
        assert network.optimizer.iterations == STEPS
    for _ in range(STEPS):
        network.train_on_batch(keras["x"], keras["y"])
    moved = 0
    finals = split(keras["final"], network)
    for weight, actual, final in zip(network.weights, network.get_weights(), finals, strict=True):
        # tf.keras' fused BatchNormalization moves its variance by n/(n-1) times the batch's
        bessel = file.startswith("keras2") and weight.name.endswith("moving_variance")
        tolerance = 4.0 / keras["x"][..., 0].size if bessel else TOLERANCE
        np.testing.assert_allclose(actual, final, rtol=tolerance, atol=tolerance, err_msg=weight.name)
        moved += weight.trainable
    assert moved


def gates_without_a_name(keras: dict[str, Any], suffix: str) -> bool:
    """Whether some layer has an activation that the Keras of such a file has not by name."""
    other = {".keras": "hard_sigmoid", ".h5": "hard_sigmoid_keras3"}[suffix]
    return any(layer.get("activation") == other for layer in json.loads(str(keras["layers"])))


@pytest.mark.parametrize("file", FILES)
def test_frozen_layers_stateful_ones_and_dropout_come_along(file: str) -> None:
    network = engine.load_model(FOLDER / file, device="reference")
    layers = json.loads(str(expected(file)["layers"]))
    for layer, given in zip(network.layers, layers, strict=True):
        config = layer.get_config()
        assert config.get("trainable", True) == given.get("trainable", True)
        for argument in ("stateful", "go_backwards", "dropout", "recurrent_dropout", "strides", "dilation_rate",
                         "groups", "center", "scale", "use_bias", "padding", "data_format", "activation"):  # fmt: skip
            if argument in given:
                value, wanted = config[argument], given[argument]
                if isinstance(wanted, dict):
                    wanted = LAYERS[wanted["class_name"]](**wanted["config"]).as_activation
                wanted = {"swish": "silu"}.get(wanted, wanted) if isinstance(wanted, str) else wanted
                assert value == ([*wanted] if isinstance(value, list) else wanted), argument
