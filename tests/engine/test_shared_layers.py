"""Layers that are used more than once: in two networks, by themselves, with movies of other kinds."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import BatchNormalization, Conv3D, ConvLSTM2D, Sequential, load_model
from engine.layers import Layer
from tests.engine.networks import movies, seed_like

DEVICES = ("reference", "cpu")


# ---------------------------------------------------------------- other channels


@pytest.mark.parametrize("channels", [(1, 3), (3, 1), (2, 64)])
@pytest.mark.parametrize("strides", [1, 2])
def test_a_called_layer_serves_one_number_of_channels(channels: tuple[int, int], strides: int) -> None:
    built, other = channels
    layer = ConvLSTM2D(4, 3, strides=strides, padding="same", return_sequences=True)
    x = movies(channels=built)
    y = layer(x)
    with pytest.raises(ValueError, match=f"conv_lstm2d: built for inputs of {built} channels, got {other}"):
        layer(movies(channels=other))
    np.testing.assert_array_equal(layer(x), y)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: ConvLSTM2D(4, 3, padding="same", return_sequences=True),
        lambda: Conv3D(2, 3, padding="same"),
        BatchNormalization,
    ],
)
@pytest.mark.parametrize("device", DEVICES)
def test_a_layer_of_two_networks_serves_one_number_of_channels(layer: Any, device: str) -> None:
    shared: Layer = layer()
    first = Sequential([Conv3D(2, 1), shared], device=device, seed=0)
    y = first.predict(movies())
    second = Sequential([Conv3D(5, 1), shared], device=device, seed=0)
    with pytest.raises(ValueError, match=f"{shared.name}: built for inputs of 2 channels, got 5"):
        second.predict(movies())
    assert second.input_shape is None and not second.built and not second.layers[0].weights
    np.testing.assert_array_equal(first.predict(movies()), y)


def test_a_called_layer_refuses_a_network_of_other_channels() -> None:
    layer = ConvLSTM2D(4, 3, padding="same", return_sequences=True)
    layer(movies(channels=3))
    network = Sequential([layer], device="cpu")
    with pytest.raises(ValueError, match="conv_lstm2d: built for inputs of 3 channels, got 1"):
        network.predict(movies())
    assert network.predict(movies(channels=3)).shape == (3, 4, 7, 6, 4)


# ---------------------------------------------------------------- names


def test_a_layer_that_is_built_keeps_its_name() -> None:
    network = seed_like("reference")
    network.build()
    before = [layer.name for layer in network.layers]
    with pytest.raises(ValueError, match="name: there is a layer 'conv3d' already"):
        Sequential([Conv3D(1, 1), *network.layers])
    assert [layer.name for layer in network.layers] == before
    assert Sequential([Conv3D(1, 1, name="first"), *network.layers]).layers[-1].name == "conv3d"


def test_names_that_another_network_changed_are_no_two_weights_names() -> None:
    network = Sequential([Conv3D(1, 1, input_shape=(None, 7, 6, 1)), Conv3D(1, 1)], device="reference")
    Sequential([Conv3D(1, 1), network.layers[0]])
    with pytest.raises(ValueError, match="name: two layers of this network are called 'conv3d_1'"):
        network.build()


# ---------------------------------------------------------------- the shape that build is given


@pytest.mark.parametrize("suffix", ["keras", "h5", "safetensors"])
def test_build_keeps_the_shape_it_is_given(suffix: str, tmp_path: Path) -> None:
    layer = ConvLSTM2D(3, 3, padding="same", return_sequences=True, recurrent_activation="sigmoid")
    network = Sequential([layer], device="reference")
    network.build((None, 7, 6, 1))
    assert network.input_shape == (None, 7, 6, 1)
    with pytest.raises(ValueError, match="x: expected 6 width, got 5"):
        network.predict(movies(width=5))
    network.save(tmp_path / f"x.{suffix}")
    assert load_model(tmp_path / f"x.{suffix}", device="reference").input_shape == (None, 7, 6, 1)


def test_data_decide_the_channels_alone() -> None:
    network = Sequential([ConvLSTM2D(3, 3, padding="same", return_sequences=True)], device="reference")
    network.predict(movies())
    assert network.input_shape == (None, None, None, 1)


def test_build_refuses_what_is_no_shape() -> None:
    network = Sequential([Conv3D(1, 1)], device="reference")
    with pytest.raises(ValueError, match="input_shape: expected"):
        network.build((None, None, 7, 6, 1))
