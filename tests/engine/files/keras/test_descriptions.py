"""Keras' descriptions of models: what is understood, what is refused by name, what only training would need."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine
from engine.files.keras.architecture import read_architecture
from tests.engine.files.keras.networks import movies, small_network

Config = dict[str, Any]


def keras3(tmp_path: Path, change: Callable[[Config], Any], **network: Any) -> Path:
    """A saved .keras whose config.json was changed; layers are input_layer, conv_lstm2d, batch_normalization, second,
    conv3d."""
    small_network(**network).save(tmp_path / "saved.keras")
    path = tmp_path / "changed.keras"
    with zipfile.ZipFile(tmp_path / "saved.keras") as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                config = json.loads(content)
                change(config)
                content = json.dumps(config).encode()
            new.writestr(name, content)
    return path


def layer(config: Config, number: int) -> Config:
    return config["config"]["layers"][number]


@pytest.mark.parametrize(
    ("number", "change", "says"),
    [
        (1, {"return_sequences": False}, "'second': .*expected movies"),
        (1, {"padding": "full"}, "'conv_lstm2d': padding"),
        (1, {"strides": [2, 2], "dilation_rate": [2, 2]}, "'conv_lstm2d': strides"),
        (1, {"data_format": "channels_between"}, "'conv_lstm2d': data_format"),
        (1, {"activation": "mish"}, "'conv_lstm2d': activation"),
        (1, {"recurrent_activation": "mish"}, "'conv_lstm2d': recurrent_activation"),
        (1, {"use_bias": False}, "'conv_lstm2d': expected weights of shapes"),
        (1, {"surprise": 3}, "'conv_lstm2d': surprise is not offered here: 3"),
        (1, {"filters": "many"}, "'conv_lstm2d': filters"),
        (2, {"axis": [1]}, "'batch_normalization': axis"),
        (2, {"axis": [1, 2]}, "'batch_normalization': axis"),
        (2, {"scale": False}, "'batch_normalization': expected weights of shapes"),
        (2, {"renorm": True}, "'batch_normalization': renorm is not offered here: True"),
        (4, {"groups": 2}, "'conv3d': expected weights of shapes"),
        (4, {"activation": "mish"}, "'conv3d': activation"),
    ],
)
def test_an_argument_that_is_not_offered(tmp_path: Path, number: int, change: Config, says: str) -> None:
    path = keras3(tmp_path, lambda config: layer(config, number)["config"].update(change))
    with pytest.raises(ValueError, match=rf"changed\.keras: layer {says}"):
        engine.load_model(path, device="reference")


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (
            {"class_name": "Lambda", "config": {"name": "run me"}},
            "'run me': Lambda is not.*code of a file is not",
        ),
        ({"class_name": "Attention", "config": {"name": "words"}}, "'words': Attention is not offered"),
        (
            {"class_name": "Sequential", "config": {"name": "inner", "layers": []}},
            "'inner': a Sequential without layers",
        ),
        (
            {"class_name": "Conv3D", "config": {"name": "mine"}, "registered_name": "Evil>Conv3D"},
            r"'mine': a custom layer \(Evil>Conv3D\)",
        ),
        ({"config": {}}, "no class_name"),
        (None, "no class_name"),
        ({"class_name": "Conv3D"}, "no config"),
    ],
)
def test_a_layer_that_is_not_offered(tmp_path: Path, entry: Any, says: str) -> None:
    path = keras3(tmp_path, lambda config: config["config"]["layers"].append(entry))
    with pytest.raises(ValueError, match=rf"changed\.keras: .*{says}"):
        engine.load_model(path, device="reference")


@pytest.mark.parametrize(
    "function",
    [
        {"module": "builtins", "class_name": "function", "config": "mine", "registered_name": "function"},
        {"class_name": "__lambda__", "config": {"value": "cHJpbnQoMSk="}},
    ],
)
def test_a_function_of_the_file_is_not_run(tmp_path: Path, function: Config) -> None:
    path = keras3(tmp_path, lambda config: layer(config, 1)["config"].update(recurrent_activation=function))
    with pytest.raises(ValueError, match=r"'conv_lstm2d': recurrent_activation is a custom function .* is not run"):
        engine.load_model(path, device="reference")


@pytest.mark.parametrize(
    ("number", "change", "named"),
    [
        (1, {"kernel_regularizer": {"class_name": "OrthogonalRegularizer", "config": {}}}, "kernel_regularizer="),
        (1, {"activity_regularizer": {"class_name": "L2", "config": {"l2": 0.1}}}, "activity_regularizer="),
        (4, {"kernel_constraint": {"class_name": "Mine", "config": {}}}, "'conv3d': kernel_constraint="),
    ],
)
def test_what_only_training_needs_leaves_it_uncompiled(tmp_path: Path, number: int, change: Config, named: str) -> None:
    path = keras3(tmp_path, lambda config: layer(config, number)["config"].update(change))
    with pytest.warns(UserWarning, match=rf"changed\.keras: opened without its training arguments.*{named}"):
        network = engine.load_model(path, device="reference")
    np.testing.assert_array_equal(network.predict(movies()), small_network().predict(movies()))
    with pytest.raises(ValueError, match="call compile"):
        network.train_on_batch(movies(), movies())


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"optimizer": {"class_name": "Lion", "config": {}}}, "optimizer: expected one of Adadelta, SGD, Adam"),
        ({"optimizer": {"class_name": "Adam", "config": {"learning_rate": 0.1, "use_ema": True}}}, "use_ema=True"),
        ({"optimizer": {"class_name": "Adadelta", "config": {"learning_rate": 0.1, "clipnorm": -1.0}}}, "clipnorm"),
        ({"optimizer": {"class_name": "Adadelta", "config": {"learning_rate": {"class_name": "Decay"}}}}, "_rate"),
        ({"optimizer": {"class_name": "Adadelta", "config": {"rho": 0.95}}}, "no learning_rate"),
        ({"optimizer": {"class_name": "Nadam", "config": {"learning_rate": 0.1, "decay": 0.004}}}, "Nadam before"),
        ({"optimizer": ["adadelta"]}, "expected one with its arguments"),
        ({"loss": "ctc"}, "loss"),
        ({"loss": {"class_name": "BinaryCrossentropy", "config": {"axis": 1}}}, "axis=1"),
        ({"loss": {"class_name": "BinaryCrossentropy", "config": {"label_smoothing": 2.0}}}, "label_smoothing"),
        ({"loss": {"class_name": "function", "config": "my_loss"}}, "my_loss"),
    ],
)  # fmt: skip
def test_compile_arguments_that_are_not_offered(tmp_path: Path, change: Config, named: str) -> None:
    path = keras3(tmp_path, lambda config: config["compile_config"].update(change))
    with pytest.warns(UserWarning, match=named):
        network = engine.load_model(path, device="reference")
    assert network.optimizer is None
    np.testing.assert_array_equal(network.predict(movies()), small_network().predict(movies()))


@pytest.mark.parametrize(
    "loss",
    [
        "mse",
        "mean_squared_error",
        ["mse"],
        {
            "class_name": "MeanSquaredError",
            "config": {"name": "mean_squared_error", "reduction": "sum_over_batch_size"},
        },
        {"class_name": "function", "config": "mean_squared_error"},
    ],
)
def test_a_loss_has_many_names(tmp_path: Path, loss: Any) -> None:
    path = keras3(tmp_path, lambda config: config["compile_config"].update(loss=loss))
    assert engine.load_model(path, device="reference").get_config()["loss"] == "mse"


def test_a_loss_keeps_its_arguments(tmp_path: Path) -> None:
    written = {"class_name": "Huber", "config": {"delta": 0.5, "reduction": "sum_over_batch_size", "name": "huber"}}
    path = keras3(tmp_path, lambda config: config["compile_config"].update(loss=written))
    network = engine.load_model(path, device="reference")
    for name in ("again.keras", "again.h5"):
        network.save(tmp_path / name)
        again = engine.load_model(tmp_path / name, device="reference")
        assert again.get_config()["loss"] == {"class_name": "Huber", "config": {"delta": 0.5}}


def test_adadelta_without_a_state_begins_at_zero_and_says_so(tmp_path: Path) -> None:
    import h5py

    small_network().save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        names = file["optimizer_weights"].attrs["weight_names"]
        file["optimizer_weights"].attrs["weight_names"] = names[:1]  # how often it was updated
    with pytest.warns(UserWarning, match="no state of Adadelta that fits its weights; training on begins with zeros"):
        network = engine.load_model(tmp_path / "m.h5", device="reference")
    state = network.state_arrays()
    assert all(not array.any() for name, array in state.items() if name.startswith("optimizer"))


@pytest.mark.parametrize(
    ("written", "understood"),
    [
        ({"class_name": "GlorotUniform", "config": {"seed": None, "input_axes": None}}, "glorot_uniform"),
        ("glorot_uniform", "glorot_uniform"),
        ({"class_name": "VarianceScaling", "config": {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform"}},
         "glorot_uniform"),
        ({"class_name": "Zeros", "config": {}}, "zeros"),
        ("orthogonal", "orthogonal"),
        ({"class_name": "VarianceScaling", "config": {"scale": 2.0, "mode": "fan_in", "distribution": "normal"}},
         "he_normal"),
    ],
)  # fmt: skip
def test_initializers_have_many_names(
    tmp_path: Path, written: Any, understood: str, recwarn: pytest.WarningsRecorder
) -> None:
    path = keras3(tmp_path, lambda config: layer(config, 1)["config"].update(recurrent_initializer=written))
    network = engine.load_model(path, device="reference")
    assert network.get_config()["layers"][0]["config"]["recurrent_initializer"] == understood
    assert not [warning for warning in recwarn if issubclass(warning.category, UserWarning)]


def test_an_initializer_that_is_not_offered_does_not_matter(tmp_path: Path) -> None:
    written = {"class_name": "Identity", "config": {"gain": 1.0}}
    path = keras3(tmp_path, lambda config: layer(config, 4)["config"].update(kernel_initializer=written))
    with pytest.warns(UserWarning, match="'conv3d': kernel_initializer 'Identity' is not offered"):
        network = engine.load_model(path, device="reference")
    np.testing.assert_array_equal(network.predict(movies()), small_network().predict(movies()))


def test_mixed_precision_is_said(tmp_path: Path) -> None:
    policy = {"class_name": "DTypePolicy", "config": {"name": "mixed_bfloat16"}}
    path = keras3(tmp_path, lambda config: layer(config, 1)["config"].update(dtype=policy))
    with pytest.warns(UserWarning, match="computes in mixed_bfloat16 in Keras and in float32 here"):
        engine.load_model(path, device="reference")


@pytest.mark.parametrize("padding", [[[2, 0], [1, 1], [0, 0]], [[0, 1], [1, 1], [0, 0]], 1, [[1, 0], [1, 1], [1, 1]]])
def test_zero_padding_that_is_not_causal(tmp_path: Path, padding: Any) -> None:
    path = keras3(tmp_path, lambda config: layer(config, 4)["config"].update(padding=padding), head="causal")
    if padding == [[0, 1], [1, 1], [0, 0]]:  # an even depth padded by TensorFlow's rule for 'same'
        assert engine.load_model(path, device="reference").get_config()["layers"][-1]["config"]["padding"] == "same"
        return
    *_, zeros, convolution = engine.load_model(path, device="reference").layers
    assert isinstance(zeros, engine.ZeroPadding3D) and convolution.get_config()["padding"] == "valid"
    assert zeros.get_config()["padding"] == ([[1, 1]] * 3 if padding == 1 else padding)


@pytest.mark.parametrize("shape", [[None, None, -5, 4, 2], [None], [None, None, 5.0, 4, 2], "any", [True] * 5])
def test_an_input_that_is_no_movie(tmp_path: Path, shape: Any) -> None:
    path = keras3(tmp_path, lambda config: layer(config, 0)["config"].update(batch_shape=shape))
    with pytest.raises(ValueError, match=r"input: expected a shape \(movies, frames, height, width, channels\)"):
        engine.load_model(path, device="reference")


def test_zero_padding_before_nothing(tmp_path: Path) -> None:
    path = keras3(tmp_path, lambda config: config["config"]["layers"].pop(), head="causal")
    assert isinstance(engine.load_model(path, device="reference").layers[-1], engine.ZeroPadding3D)


def functional(*edges: tuple[str, list[str]], outputs: Any = None) -> Config:
    """A functional model of BatchNormalizations; edges say (layer, what feeds it), [] is the input."""
    layers = []
    for name, sources in edges:
        kind = "BatchNormalization" if sources else "InputLayer"
        config = {"name": name} if sources else {"name": name, "batch_input_shape": [None, None, 4, 4, 1]}
        inbound = [[[source, 0, 0, {}] for source in sources]] if sources else []
        layers.append({"class_name": kind, "config": config, "name": name, "inbound_nodes": inbound})
    return {
        "class_name": "Functional",
        "config": {"layers": layers, "output_layers": outputs or [[edges[-1][0], 0, 0]]},
    }


def test_a_value_may_be_read_twice_and_an_input_not_at_all() -> None:
    model = functional(("in", []), ("other", []), ("a", ["in"]), ("b", ["in"]), outputs=[["a", 0, 0], ["b", 0, 0]])
    graph = read_architecture(model, 2).graph
    assert [call.inputs for call in graph.calls] == [(0,), (0,)] and len(graph.input_shapes) == 2


def test_a_functional_chain_is_in_the_order_of_its_arrows() -> None:
    model = functional(
        ("last", ["middle"]), ("in", []), ("middle", ["first"]), ("first", ["in"]), outputs=[["last", 0, 0]]
    )
    calls = read_architecture(model, 2).graph.calls
    assert [call.layer.name for call in calls] == ["first", "middle", "last"]


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (functional(("in", []), ("a", ["in"]), ("b", ["a", "in"])), "b: expected one input, got 2"),
        (functional(("in", []), ("a", ["b"]), ("b", ["a"])), "'a': it reads what no layer gives, or .* itself"),
        (functional(("in", []), ("a", ["nowhere"])), "'a': it reads what no layer gives"),
        (
            functional(("in", []), ("a", ["in"]), outputs=[["b", 0, 0]]),
            "output_layers: it has no call 0 of a layer 'b'",
        ),
        (
            functional(("in", []), ("a", ["in"]), outputs=[["a", 3, 0]]),
            "output_layers: it has no call 3 of a layer 'a'",
        ),
        ({"class_name": "Functional", "config": {}}, "no layers"),
        ({"class_name": "MyModel", "config": {}}, "expected a Sequential"),
        ({"class_name": "Sequential", "config": {"layers": []}}, "its model has no layers"),
    ],
)
def test_models_that_are_none(model: Config, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_architecture(model, 2)
