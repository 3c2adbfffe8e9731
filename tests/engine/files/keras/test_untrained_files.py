"""A file of a network that was compiled and not trained opens compiled, and warns of nothing."""

import warnings

import pytest

import engine
from tests.paths import FIXTURES

FOLDER = FIXTURES / "keras_untrained"


@pytest.mark.parametrize("name", ["keras3.keras", "keras3.h5", "tf_keras.keras", "tf_keras.h5"])
def test_nothing_is_lost_where_nothing_was_trained(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network = engine.load_model(FOLDER / name, device="reference")
    assert type(network.optimizer) is engine.Adadelta
    assert network.optimizer.get_config()["learning_rate"] == pytest.approx(0.001)
    assert network.iterations == 0 and network.loss.name == "binary_crossentropy"
