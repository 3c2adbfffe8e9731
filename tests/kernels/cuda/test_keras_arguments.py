"""On the simulator: arguments with kernels of their own do what they did in real Keras, in float32."""

import pytest

from tests.engine.files.keras.keras_argument_fixture import Fixture, compare

NAMES = (
    "strides_valid",
    "dilation_same",
    "channels_first_strides_valid",
    "hard3_linear",
    "regularizers",
    "constraints",
    "both_dropouts",
    "stateful_valid_last_output",
    "frozen_below",
    "much_at_once",
    "batch_norm_bare",
    "batch_norm_frozen",
    "conv3d_strides_same",
    "conv3d_groups",
    "conv3d_dilation_causal",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_network_does_what_it_did_in_keras(name: str, fast_simulated_device: None) -> None:
    compare(Fixture(name, "cuda", "float32"))
