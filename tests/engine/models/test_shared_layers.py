"""Layers that are used more than once: in two networks, by themselves, with movies of other kinds."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import BatchNormalization, Conv3D, ConvLSTM2D, Sequential, load_model
from engine.layers import Layer
from tests.engine.networks import movies, seed_like, targets

DEVICES = ("reference", "cpu")
X = movies()
Y = targets(X)


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


# ---------------------------------------------------------------- two networks


def trained(device: str, **kwargs: Any) -> Sequential:
    network = seed_like(device, **kwargs)
    network.compile(loss="mse", optimizer="adam")
    network.train_on_batch(X, Y)
    return network


def assert_same(one: Sequential, other: Sequential) -> None:
    state = other.state_arrays()
    for name, array in one.state_arrays().items():
        np.testing.assert_array_equal(array, state[name], err_msg=name)


@pytest.mark.parametrize("device", DEVICES)
def test_looking_at_features_leaves_training_as_it_was(device: str) -> None:
    """The second network comes and goes in the middle of everything; the first ends as if it had never been there."""
    alone, watched = trained(device), trained(device)
    features = Sequential(watched.layers[:-1], device=device, dtype="float64")
    expected = Sequential(
        [copy.deepcopy(layer) for layer in watched.layers[:-1]], device=device, dtype="float64"
    ).predict(X)
    np.testing.assert_array_equal(features.predict(X), expected)
    for _ in range(2):
        for network in (alone, watched):
            network.train_on_batch(X, Y)
        seen = features.predict(X)
        assert np.abs(seen - expected).max() > 1e-4
        assert_same(watched, alone)
        np.testing.assert_array_equal(watched.predict(X), alone.predict(X))
        np.testing.assert_array_equal(watched.rollout(X, 2), alone.rollout(X, 2))
        assert watched.evaluate(X, Y, verbose=0) == alone.evaluate(X, Y, verbose=0)
        np.testing.assert_array_equal(features.predict(X), seen)
    assert_same(watched, alone)


@pytest.mark.parametrize("device", DEVICES)
def test_two_networks_train_the_layers_they_share(device: str) -> None:
    """As one network does that is handed the weights by hand, with two optimizers."""
    first = trained(device)
    second = Sequential([*first.layers[:-1], Conv3D(2, 1, name="head")], device=device, dtype="float64", seed=1)
    second.compile(loss="mse", optimizer="adam")
    second.build()
    by_hand = copy.deepcopy([first, second])
    apart = [Sequential.from_config(network.get_config(), device=device) for network in by_hand]
    for twin, network in zip(apart, (first, second), strict=True):
        twin.load_state_arrays(network.state_arrays())
    y = targets(X, channels=2)
    for _ in range(3):
        for network, twin, other, target in ((first, *apart, Y), (second, *apart[::-1], y)):
            assert network.train_on_batch(X, target) == twin.train_on_batch(X, target)
            own = {weight.name: weight for weight in other.weights}
            for weight in twin.weights:
                if weight.name in own:
                    own[weight.name].assign(weight.to_host())
    for network, twin in zip((first, second), apart, strict=True):
        assert_same(network, twin)
    assert first.layers[0].weights[0] is second.layers[0].weights[0]


@pytest.mark.parametrize("device", DEVICES)
def test_weights_that_one_network_is_given_the_other_has(device: str) -> None:
    first = trained(device)
    second = Sequential(first.layers, device=device, dtype="float64")
    np.testing.assert_array_equal(second.predict(X), first.predict(X))
    first.set_weights([0.5 * weight for weight in first.get_weights()])
    np.testing.assert_array_equal(second.predict(X), first.predict(X))
    second.set_weights([0.5 * weight for weight in second.get_weights()])
    np.testing.assert_array_equal(first.predict(X), second.predict(X))
    second.load_state_arrays({name: a for name, a in first.state_arrays().items() if name.startswith("weights/")})
    np.testing.assert_array_equal(first.predict(X), second.predict(X))


def test_a_frozen_part_of_two_networks_is_trained_by_none() -> None:
    first = trained("cpu")
    for layer in first.layers[:-1]:
        layer.trainable = False
    second = Sequential([*first.layers[:-1], Conv3D(1, 1, name="head")], device="cpu", dtype="float64")
    second.compile(loss="mse", optimizer="adam")
    second.build()
    before = [layer.get_weights() for layer in second.layers]
    second.train_on_batch(X, Y)
    first.compile(loss="mse", optimizer="adam")
    first.train_on_batch(X, Y)
    for layer, was in zip(second.layers[:-1], before, strict=False):
        for weight, array in zip(layer.get_weights(), was, strict=True):
            np.testing.assert_array_equal(weight, array)
    assert np.abs(second.layers[-1].get_weights()[0] - before[-1][0]).max() > 1e-4


@pytest.mark.parametrize("device", DEVICES)
def test_a_stateful_layer_of_two_networks_carries_one_state(device: str) -> None:
    layer = ConvLSTM2D(3, 3, padding="same", return_sequences=True, stateful=True, input_shape=(None, 7, 6, 1))
    lone = copy.deepcopy(layer)
    networks = [Sequential([layer], device=device, seed=0), Sequential([layer], device=device, seed=1)]
    alone = Sequential([lone], device=device, seed=0)
    for number in (0, 1, 0, 0, 1, 1, 0):
        np.testing.assert_array_equal(networks[number].predict(X), alone.predict(X))
    for network in (networks[1], alone):
        network.reset_states()
    np.testing.assert_array_equal(networks[0].predict(X), alone.predict(X))
    np.testing.assert_array_equal(layer(X), lone(X))
    np.testing.assert_array_equal(networks[1].predict(X), alone.predict(X))


@pytest.mark.parametrize(("device", "dtype"), [("reference", "float64"), ("cpu", "float32")])
def test_networks_share_layers_on_one_device_in_one_dtype(device: str, dtype: str) -> None:
    first = trained("cpu")
    y = first.predict(X)
    second = Sequential(first.layers, device=device, dtype=dtype)
    with pytest.raises(
        ValueError, match=f"layers: expected .* device '{device}' in {dtype} .* device 'cpu' in float64"
    ):
        second.predict(X)
    np.testing.assert_array_equal(first.predict(X), y)
    own = Sequential([copy.deepcopy(layer) for layer in first.layers], device=device, dtype=dtype)
    np.testing.assert_allclose(own.predict(X), y, atol=1e-5)


def test_a_layer_is_called_between_the_steps_of_its_networks() -> None:
    alone, called = trained("cpu"), trained("cpu")
    second = Sequential(called.layers[:2], device="cpu", dtype="float64")
    layer = called.layers[0]
    assert isinstance(layer, ConvLSTM2D)
    for _ in range(3):
        y = layer(X, training=True)
        layer.backward(np.ones_like(y))
        layer(X, training=True)
        second.predict(X)
        with pytest.raises(ValueError, match="backward: another network has used the layer since"):
            layer.backward(np.ones_like(y))
        np.testing.assert_array_equal(layer(X), y)
        for network in (alone, called):
            network.train_on_batch(X, Y)
    assert_same(called, alone)


def test_a_layer_that_was_called_moves_into_a_network_of_another_dtype() -> None:
    layer = ConvLSTM2D(3, 3, padding="same", return_sequences=True)
    y = layer(X)
    assert y.dtype == np.float64
    np.testing.assert_allclose(Sequential([layer], device="reference").predict(X), y, atol=1e-6)
    assert layer(X).dtype == np.float32


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
