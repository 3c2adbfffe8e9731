"""Weights are there when somebody asks for them, as soon as the shape of the input is known; and all can be frozen."""

import numpy as np
import pytest

import engine
from engine import BatchNormalization, Conv2D, Conv3D, ConvLSTM2D, Input, Model, Sequential

SHAPE = (None, 5, 6, 1)
X = np.random.default_rng(0).random((4, 3, 5, 6, 1), dtype=np.float32)


def network(**arguments: object) -> Sequential:
    layers = [
        ConvLSTM2D(2, 3, padding="same", return_sequences=True, input_shape=SHAPE, **arguments),
        BatchNormalization(),
        Conv3D(1, 1, activation="sigmoid"),
    ]
    return Sequential(layers, device="reference", seed=1)


def test_a_network_counts_before_it_is_built() -> None:
    assert network().count_params() == 4 * 2 * (9 + 18 + 1) + 8 + 3
    assert len(network().weights) == 9 and len(network().trainable_weights) == 7
    assert Sequential([Conv3D(1, 1)], device="reference").count_params() == 0, "any number of channels may come"


def test_a_layer_of_a_network_has_weights_when_asked() -> None:
    built = network()
    assert built.layers[0].count_params() == 224 and built.built
    fresh = network()
    assert len(fresh.layers[0].trainable_weights) == 3
    assert [array.shape for array in fresh.layers[2].get_weights()] == [(1, 1, 1, 2, 1), (1,)]
    tensor = Input(SHAPE[1:])
    layer = Conv2D(3, 1)
    kept = Model(tensor, layer(tensor), device="reference")
    assert layer.count_params() == 6 and kept.built


def test_weights_of_a_layer_are_set() -> None:
    built = network()
    ones = [np.ones_like(array) for array in built.layers[2].get_weights()]
    built.layers[2].set_weights(ones)
    np.testing.assert_array_equal(built.get_weights()[-2], ones[0])
    with pytest.raises(ValueError, match="weights: expected a list of 2 arrays for conv3d, got 1"):
        built.layers[2].set_weights(ones[:1])
    with pytest.raises(ValueError, match="weights: conv3d/kernel expects shape"):
        built.layers[2].set_weights(ones[::-1])
    with pytest.raises(ValueError, match="set_weights: conv3d is not built; give its network an input_shape"):
        Conv3D(1, 1).set_weights(ones)


def test_layers_are_added_after_a_look_at_the_weights() -> None:
    built = Sequential([Conv3D(2, 1, input_shape=SHAPE)], device="reference")
    kernel = built.layers[0].get_weights()[0]
    built.add(Conv3D(1, 1))
    assert built.count_params() == 4 + 3 and built.predict(X).shape == X.shape
    np.testing.assert_array_equal(built.layers[0].get_weights()[0], kernel)
    built.compile(loss="mse")
    with pytest.raises(ValueError, match="add: the network is built and compiled already"):
        built.add(Conv3D(1, 1))


def test_a_frozen_network_learns_nothing_from_the_next_compile_on() -> None:
    built = network()
    built.trainable = False
    assert not built.trainable and not any(layer.trainable for layer in built.layers)
    assert built.trainable_weights == []
    head = Sequential([built, Conv3D(1, 1)], device="reference")
    head.compile(loss="mse", optimizer=engine.SGD(0.5))
    before = built.layers[0].get_weights()
    head.train_on_batch(X, X)
    for was, now in zip(before, built.layers[0].get_weights(), strict=True):
        np.testing.assert_array_equal(now, was)
    assert len(head.trainable_weights) == 2
    built.trainable = True
    assert built.trainable and len(built.trainable_weights) == 7
    with pytest.raises(ValueError, match="trainable: expected True or False"):
        built.trainable = "no"  # type: ignore[assignment]


def test_a_stateful_network_refuses_batches_of_several_sizes_before_the_first() -> None:
    built = network(stateful=True)
    built.compile(loss="mse", optimizer=engine.SGD(0.5))
    before = built.get_weights()
    for work in (
        lambda: built.fit(X, X, batch_size=3, verbose=0),
        lambda: built.fit(X, X, batch_size=2, validation_data=(X[:3], X[:3]), verbose=0),
        lambda: built.evaluate(X, X, batch_size=3, verbose=0),
        lambda: built.predict(X, batch_size=3),
    ):
        with pytest.raises(ValueError, match=r"batch_size: conv_lstm2d is stateful.*got batches of [32] and 1\."):
            work()
    for was, now in zip(before, built.get_weights(), strict=True):
        np.testing.assert_array_equal(now, was)
    built.fit(X, X, batch_size=2, verbose=0)
