"""copy.deepcopy and pickle of networks, layers and optimizers."""

import copy
import multiprocessing
import pickle
from collections.abc import Callable

import numpy as np
import pytest

from engine import BatchNormalization, Conv3D, ConvLSTM2D, Sequential
from engine.layers import Layer
from engine.optimizers import SGD, Adam, AdamW
from engine.schedules import CosineDecay
from tests.engine.networks import FLOAT64_DEVICES, Array, movies, targets

X = movies()
Y = targets(X)


def pickled(network: Sequential) -> Sequential:
    copied: Sequential = pickle.loads(pickle.dumps(network))
    return copied


COPIES = pytest.mark.parametrize("copied", [copy.deepcopy, pickled])
DEVICES = pytest.mark.parametrize("device", FLOAT64_DEVICES)


def network_of(device: str, optimizer: object = "adam", **kwargs: object) -> Sequential:
    layers: list[Layer] = [
        ConvLSTM2D(3, 3, padding="same", return_sequences=True, input_shape=(None, 7, 6, 1), **kwargs),
        BatchNormalization(),
        Conv3D(1, (1, 3, 3), padding="same", activation="sigmoid"),
    ]
    network = Sequential(layers, device=device, seed=0)
    network.compile(optimizer, "binary_crossentropy", metrics=["mse"])
    return network


def state(network: Sequential) -> dict[str, Array]:
    return network.state_arrays()


def assert_equal(one: dict[str, Array], other: dict[str, Array]) -> None:
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)


@COPIES
@DEVICES
@pytest.mark.parametrize(
    "optimizer", [lambda: "adadelta", lambda: SGD(0.1, momentum=0.9, clipnorm=1.0), lambda: AdamW(CosineDecay(0.1, 9))]
)
def test_a_copy_trains_on_as_the_original_and_by_itself(
    device: str, optimizer: Callable[[], object], copied: Callable[[Sequential], Sequential]
) -> None:
    original, alone = network_of(device, optimizer()), network_of(device, optimizer())
    for network in (original, alone):
        network.fit(X, Y, batch_size=2, epochs=2, verbose=0)
        network.predict(X)
        network.rollout(X, 2)
    before = state(original)
    twin = copied(original)
    assert_equal(state(twin), before)
    assert twin.get_config() == original.get_config() and twin.iterations == original.iterations > 0
    assert twin.history is not None and twin.history is not original.history
    twin.fit(X, Y, batch_size=2, epochs=2, verbose=0)
    assert_equal(state(original), before)
    alone.fit(X, Y, batch_size=2, epochs=2, verbose=0)
    assert_equal(state(twin), state(alone))
    original.fit(X, Y, batch_size=2, epochs=2, verbose=0)
    assert_equal(state(original), state(alone))
    twin.set_weights([0.0 * weight for weight in twin.get_weights()])
    np.testing.assert_array_equal(original.predict(X), alone.predict(X))
    np.testing.assert_array_equal(original.rollout(X, 2), alone.rollout(X, 2))
    assert not (twin.predict(X) - 0.5).any()


@COPIES
@DEVICES
def test_a_copy_drops_and_carries_what_the_original_would_have(
    device: str, copied: Callable[[Sequential], Sequential]
) -> None:
    original = network_of(device, dropout=0.5, stateful=True)
    original.train_on_batch(X, Y)
    twin = copied(original)
    assert original.train_on_batch(X, Y) == twin.train_on_batch(X, Y)
    assert_equal(state(twin), state(original))


@COPIES
def test_what_was_not_compiled_or_built_can_be_copied(copied: Callable[[Sequential], Sequential]) -> None:
    plain = Sequential([Conv3D(2, 1)], device="cpu", seed=5)
    twin = copied(plain)
    np.testing.assert_array_equal(twin.predict(X), plain.predict(X))
    compiled = network_of("cpu")
    twin = copied(compiled)
    assert twin.train_on_batch(X, Y) == compiled.train_on_batch(X, Y)
    built = Sequential([Conv3D(2, 1)], device="cpu")
    y = built.predict(X)
    np.testing.assert_array_equal(copied(built).predict(X), y)


@COPIES
def test_a_layer_frozen_since_compile_counts_from_the_next_compile_on(
    copied: Callable[[Sequential], Sequential],
) -> None:
    original = network_of("cpu")
    original.train_on_batch(X, Y)
    original.layers[0].trainable = False
    twin = copied(original)
    assert [layer.trainable for layer in twin.layers] == [False, True, True]
    assert_equal(state(twin), state(original))
    for network in (original, twin):
        network.compile("adam", "mse")
    assert original.train_on_batch(X, Y) == twin.train_on_batch(X, Y)
    assert_equal(state(twin), state(original))


def test_networks_that_share_layers_share_them_in_a_copy() -> None:
    first = network_of("cpu")
    first.train_on_batch(X, Y)
    features = Sequential(first.layers[:-1], device="cpu")
    features.predict(X)
    twin, seen = copy.deepcopy((first, features))
    assert twin.layers[0] is seen.layers[0] is not first.layers[0]
    twin.train_on_batch(X, Y)
    assert np.abs(seen.predict(X) - features.predict(X)).max() > 1e-4
    first.train_on_batch(X, Y)
    np.testing.assert_array_equal(seen.predict(X), features.predict(X))


def test_a_layer_alone_is_copied_with_its_weights() -> None:
    layer = ConvLSTM2D(3, 3, padding="same", return_sequences=True)
    y = layer(X, training=True)
    twin = copy.deepcopy(layer)
    with pytest.raises(ValueError, match="backward: call the layer"):
        twin.backward(np.ones_like(y))
    np.testing.assert_array_equal(twin(X.astype(np.float64)), y)
    twin.kernel.assign(0.0 * twin.kernel.to_host())
    np.testing.assert_array_equal(layer(X), y)


def test_a_copy_of_an_optimizer_is_free_for_another_network() -> None:
    network = network_of("cpu", Adam(0.5))
    network.train_on_batch(X, Y)
    assert network.optimizer is not None
    other = network_of("cpu", copy.copy(network.optimizer))
    other.train_on_batch(X, Y)
    assert other.iterations == 1 and other.optimizer is not None and other.optimizer.learning_rate == 0.5
    before = state(network)
    network.train_on_batch(X, Y)
    assert np.abs(state(network)["optimizer/momentum/conv3d/kernel"] - before["optimizer/momentum/conv3d/kernel"]).any()


def test_a_shallow_copy_is_refused() -> None:
    with pytest.raises(ValueError, match=r"copy\.copy: expected copy\.deepcopy"):
        copy.copy(network_of("cpu"))


def predict_elsewhere(network: Sequential) -> Array:
    return network.predict(X)


def test_another_process_gets_the_network() -> None:
    network = network_of("cpu")
    network.train_on_batch(X, Y)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        np.testing.assert_array_equal(pool.apply(predict_elsewhere, (network,)), network.predict(X))
