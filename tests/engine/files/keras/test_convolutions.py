"""Convolutions and Dense in Keras' files: a network that Keras 3 trained opens, and goes back and forth."""

from pathlib import Path

import numpy as np
import pytest

import engine
from tests.paths import FIXTURES

FILE = FIXTURES / "keras_convolutions"


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_network_of_keras_3_opens(suffix: str, tmp_path: Path) -> None:
    with np.load(FIXTURES / "keras_products.npz", allow_pickle=False) as kept:
        x, y = kept["network/x"], kept["network/y"]
    network = engine.load_model(FILE.with_suffix(suffix), device="reference")
    np.testing.assert_allclose(network.predict(x), y, atol=1e-6)
    network.save(tmp_path / f"again{suffix}")
    again = engine.load_model(tmp_path / f"again{suffix}", device="reference")
    assert again.get_config() == network.get_config()
    np.testing.assert_array_equal(again.predict(x), network.predict(x))
