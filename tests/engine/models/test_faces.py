"""What a network and a layer show of themselves: tensors, JSON, a picture; and files without their training."""

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import engine
from engine import Add, BatchNormalization, Conv3D, ConvLSTM2D, Input, Model, Sequential, SpaceToDepth

X = np.random.default_rng(0).random((2, 3, 4, 5, 1), dtype=np.float32)


def chain(gates: str = "sigmoid") -> Sequential:
    layers = [
        Input((3, 4, 5, 1)),
        ConvLSTM2D(2, 3, padding="same", return_sequences=True, recurrent_activation=gates, name="recurrent"),
        BatchNormalization(),
        Conv3D(1, 1, activation="sigmoid"),
    ]
    return Sequential(layers, device="reference", seed=1)


def test_the_tensors_of_a_chain_make_another_model() -> None:
    network = chain()
    layer = network.get_layer("recurrent")
    assert layer.output.shape == (None, 3, 4, 5, 2) and layer.input is network.inputs[0]
    features = Model(network.inputs, layer.output, device="reference")
    np.testing.assert_allclose(features.predict(X), layer(X), atol=1e-6)
    assert features.layers[1] is layer, "the weights are shared"
    assert network.outputs[0].shape == (None, 3, 4, 5, 1)
    network.add(Conv3D(3, 1))
    assert network.outputs[0].shape == (None, 3, 4, 5, 3)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_a_copy_has_tensors_of_its_own(copied: Any) -> None:
    network = chain()
    before = network.get_layer("recurrent").output
    other = copied(network)
    after = other.get_layer("recurrent").output
    assert after is not before and after.call.layer is other.layers[0]


def test_of_several_calls_the_first_is_shown() -> None:
    x = Input((3, 4, 5, 1))
    shared = Conv3D(1, 1)
    first = shared(x)
    second = shared(first)
    assert shared.output is first and shared.input is x
    both = Add()
    total = both([first, second])
    assert both.input == [first, second] and both.output is total
    with pytest.raises(ValueError, match="conv3d: it has no tensors yet"):
        _ = Conv3D(1, 1).output


@pytest.mark.parametrize(("keras", "gates"), [(3, "sigmoid"), (2, "hard_sigmoid"), (3, "hard_sigmoid_keras3")])
def test_json_makes_the_same_architecture(keras: int, gates: str) -> None:
    network = chain(gates)
    again = engine.model_from_json(network.to_json(keras), device="reference")
    again.set_weights(network.get_weights())
    np.testing.assert_array_equal(again.predict(X), network.predict(X))
    assert again.optimizer is None and again.name == network.name


def test_json_that_another_keras_would_misread_is_refused() -> None:
    with pytest.raises(ValueError, match=r"keras: layer 'recurrent' has gates 'hard_sigmoid'.*pass keras=2"):
        chain("hard_sigmoid").to_json()
    with pytest.raises(ValueError, match="SpaceToDepth is not offered in Keras files"):
        Sequential([Input((2, 4, 4, 1)), SpaceToDepth(2)], device="reference").to_json()
    for text in ("{", "[]", json.dumps({"class_name": "Sequential"})):
        with pytest.raises(ValueError, match=r"json_string|description"):
            engine.model_from_json(text)


@pytest.mark.parametrize("suffix", [".safetensors", ".keras", ".h5"])
def test_a_file_opens_without_its_training(suffix: str, tmp_path: Path) -> None:
    network = chain()
    network.compile(loss="mse", optimizer="adam")
    network.train_on_batch(X, X)
    network.save(tmp_path / f"model{suffix}")
    opened = engine.load_model(tmp_path / f"model{suffix}", device="reference", compile=False)
    assert opened.optimizer is None
    np.testing.assert_array_equal(opened.predict(X), network.predict(X))


def test_a_picture_has_a_box_for_each_layer(tmp_path: Path) -> None:
    x = Input((3, 4, 5, 1))
    h = ConvLSTM2D(2, 3, padding="same", return_sequences=True)(x)
    model = Model(x, Conv3D(1, 1)(Add()([Conv3D(2, 1)(h), h])), device="reference")
    engine.plot_model(model, tmp_path / "small.png")
    engine.plot_model(model, tmp_path / "large.png", show_shapes=True, show_layer_activations=True)
    sizes = [Image.open(tmp_path / f"{name}.png").size for name in ("small", "large")]
    assert sizes[0][1] < sizes[1][1], "more lines make higher boxes"
    engine.plot_model(chain(), tmp_path / "chain.svg", show_layer_names=False)
    drawn = (tmp_path / "chain.svg").read_text(encoding="utf-8")
    assert drawn.count("<!-- ") >= 4 and "<!-- ConvLSTM2D -->" in drawn
    with pytest.raises(ValueError, match="to_file"):
        engine.plot_model(model, tmp_path / "model.nothing")
    assert not (tmp_path / "model.nothing").exists()
