"""save_model and load_model: what comes back, and what is refused."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

import engine
from engine import BatchNormalization, Conv3D, ConvLSTM2D, Sequential
from engine.files.safetensors import read_safetensors, write_safetensors


def small_network(dtype: str = "float32", channels: int = 2) -> Sequential:
    network = Sequential(device="reference", dtype=dtype, seed=3)
    network.add(ConvLSTM2D(3, (3, 1), padding="same", return_sequences=True, input_shape=(None, 5, 6, channels)))
    network.add(BatchNormalization(momentum=0.8))
    network.add(Conv3D(channels, (2, 3, 3), padding="causal", activation="sigmoid"))
    network.compile(loss="binary_crossentropy", optimizer=engine.Adadelta(learning_rate=0.5))
    return network


def movies(channels: int = 2) -> np.ndarray:
    return np.random.default_rng(1).random((2, 4, 5, 6, channels))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_loaded_network_is_the_saved_one(tmp_path: Path, dtype: str) -> None:
    network = small_network(dtype)
    network.train_on_batch(movies(), movies())
    network.save(tmp_path / "model.safetensors")
    loaded = engine.load_model(tmp_path / "model.safetensors", device="reference")
    assert loaded.get_config() == network.get_config()
    np.testing.assert_array_equal(loaded.predict(movies()), network.predict(movies()))


def test_it_trains_on(tmp_path: Path) -> None:
    small_network().save(tmp_path / "m.safetensors")
    loaded = engine.load_model(tmp_path / "m.safetensors", device="reference")
    assert loaded.train_on_batch(movies(), movies()) == small_network().train_on_batch(movies(), movies())


def test_dtype_can_be_chosen(tmp_path: Path) -> None:
    small_network().save(tmp_path / "m.safetensors")
    loaded = engine.load_model(tmp_path / "m.safetensors", device="reference", dtype="float64")
    assert loaded.predict(movies()).dtype == np.float64
    np.testing.assert_allclose(loaded.predict(movies()), small_network().predict(movies()), atol=1e-5)


def test_equal_networks_are_equal_files_and_nothing_else_is_left(tmp_path: Path) -> None:
    small_network().save(tmp_path / "a.safetensors")
    small_network().save(tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.safetensors", "b.safetensors"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not a whole safetensors file"),
        (b"Not a model at all, but long enough to look at.", "not a whole safetensors file"),
        (save({"a": np.zeros(3)}), "not one that this engine wrote"),
        (save({"a": np.zeros(3)}, metadata={"convlstm_engine": "[]"}), "not one that this engine wrote"),
    ],
)
def test_foreign_files(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "foreign.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"foreign.safetensors: .*{says}"):
        engine.load_model(path, device="reference")


def test_truncated_anywhere(tmp_path: Path) -> None:
    small_network().save(tmp_path / "whole.safetensors")
    whole = (tmp_path / "whole.safetensors").read_bytes()
    for length in range(0, len(whole), 97):
        (tmp_path / "cut.safetensors").write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"cut\.safetensors"):
            engine.load_model(tmp_path / "cut.safetensors", device="reference")


@pytest.mark.parametrize("name", ["m.onnx", "m.pt", "m.npz", "m", "keras", "m.safetensors.bak"])
def test_a_name_that_says_another_format_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    network = small_network()
    with pytest.raises(ValueError, match=r"path: expected a name that ends in \.safetensors, \.keras, \.h5"):
        network.save(tmp_path / name)
    assert (tmp_path / name).read_text() == "mine"


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ["m.Safetensors", "m.KERAS", "m.H5"])
def test_the_format_is_that_of_the_name_in_capitals_too(tmp_path: Path, name: str) -> None:
    small_network().save(tmp_path / name)
    small_network().save(tmp_path / name.lower())
    assert (tmp_path / name).read_bytes()[:4] == (tmp_path / name.lower()).read_bytes()[:4]
    loaded = engine.load_model(tmp_path / name, device="reference")
    np.testing.assert_allclose(loaded.predict(movies()), small_network().predict(movies()), atol=1e-6)


def test_a_saved_model_is_a_folder_that_says_how_to_get_a_file(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01")
    with pytest.raises(ValueError, match=r"this is a SavedModel.*model\.save\('model\.keras'\)"):
        engine.load_model(tmp_path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.safetensors", tmp_path):
        with pytest.raises(ValueError, match="no such file"):
            engine.load_model(path, device="reference")


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays, config: arrays.pop("conv3d/bias"),
        lambda arrays, config: arrays.update(stranger=np.zeros(2)),
        lambda arrays, config: arrays.update({"conv3d/bias": np.zeros(7)}),
        lambda arrays, config: config.pop("layers"),
        lambda arrays, config: config["layers"][0].update(class_name="Embedding"),
        lambda arrays, config: config["layers"][0]["config"].update(filters=-1),
        lambda arrays, config: config["layers"][0]["config"].update(surprise=1),
        lambda arrays, config: config.update(input_shape=None),
        lambda arrays, config: config.update(dtype="int8"),
    ],
)
def test_a_file_that_does_not_fit_together(tmp_path: Path, change) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "odd.safetensors"
    small_network().save(path)
    arrays, config = read_safetensors(path, "model")
    change(arrays, config)
    write_safetensors(path, "model", arrays, config)
    with pytest.raises(ValueError):
        engine.load_model(path, device="reference")


def test_another_kind_and_another_version(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    write_safetensors(path, "checkpoint", {"a": np.zeros(1)}, {})
    with pytest.raises(ValueError, match="expected a model file, got a checkpoint file"):
        engine.load_model(path)
    text = '{"kind": "model", "version": 99, "content": {}}'
    path.write_bytes(save({"a": np.zeros(1)}, metadata={"convlstm_engine": text}))
    with pytest.raises(ValueError, match="format 99"):
        engine.load_model(path)


def test_the_device_is_named_when_it_is_what_is_wrong(tmp_path: Path) -> None:
    small_network().save(tmp_path / "m.safetensors")
    with pytest.raises(ValueError, match=r"^device: "):
        engine.load_model(tmp_path / "m.safetensors", device="tpu")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        small_network().save(tmp_path / "missing" / "m.safetensors")


class OneOfMyOwn(engine.schedules.LearningRateSchedule):
    """No dataclass, and no class that the engine knows."""

    def __call__(self, step: int) -> float:
        return 0.5


def test_training_arguments_of_ones_own_do_not_cost_the_network(tmp_path: Path) -> None:
    network = small_network()
    network.compile(loss="mse", optimizer=engine.optimizers.SGD(OneOfMyOwn()))
    network.train_on_batch(movies(), movies())
    network.save(tmp_path / "m.safetensors")
    with pytest.warns(UserWarning, match=r"m\.safetensors: opened without its training arguments.*OneOfMyOwn.*compile"):
        loaded = engine.load_model(tmp_path / "m.safetensors", device="reference")
    np.testing.assert_array_equal(loaded.predict(movies()), network.predict(movies()))
    with pytest.raises(ValueError, match="call compile"):
        loaded.train_on_batch(movies(), movies())
    loaded.compile(loss="mse", optimizer="sgd")
    loaded.train_on_batch(movies(), movies())


def test_a_file_cannot_ask_for_memory_that_it_does_not_fill(tmp_path: Path) -> None:
    network, path = small_network(), tmp_path / "large.safetensors"
    network.save(path)
    arrays, config = read_safetensors(path, "model")
    config["layers"][0]["config"]["filters"] = 10**6
    write_safetensors(path, "model", arrays, config)
    with pytest.raises(ValueError, match=r"large\.safetensors: .*describes 1\d{13} weights, and the file holds"):
        engine.load_model(path, device="reference")


def test_arrays_of_another_shape_and_descriptions_without_a_bottom_are_refused_by_name(tmp_path: Path) -> None:
    network, path = small_network(), tmp_path / "odd.safetensors"
    network.save(path)
    arrays, config = read_safetensors(path, "model")
    name = network.weights[0].name
    write_safetensors(path, "model", arrays | {name: arrays[name].reshape(-1)}, config)
    with pytest.raises(ValueError, match=r"odd\.safetensors: its weights and its architecture disagree"):
        engine.load_model(path, device="reference")
    deep = "[" * 100_000 + "]" * 100_000
    path.write_bytes(save({"x": np.zeros(1)}, metadata={"convlstm_engine": deep}))
    with pytest.raises(ValueError, match=r"odd\.safetensors: a safetensors file, but"):
        engine.load_model(path, device="reference")


def test_weights_are_saved_under_the_name_that_the_layer_has_then(tmp_path: Path) -> None:
    network = small_network()
    network.build()
    network.layers[0].name = "renamed"
    assert network.weights[0].name == "renamed/kernel"
    network.save(tmp_path / "m.safetensors")
    loaded = engine.load_model(tmp_path / "m.safetensors", device="reference")
    assert loaded.layers[0].name == "renamed"
    np.testing.assert_array_equal(loaded.predict(movies()), network.predict(movies()))


def test_two_layers_of_one_name_are_not_saved(tmp_path: Path) -> None:
    network = small_network()
    network.build()
    network.layers[2].name = network.layers[0].name
    with pytest.raises(ValueError, match="two layers of this network are called 'conv_lstm2d'"):
        network.save(tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())


@dataclass(frozen=True)
class TwiceTheError(engine.losses.MeanSquaredError):
    """A loss of one's own that has its name from the engine's."""


def test_a_loss_of_ones_own_is_not_taken_for_the_one_it_is_derived_of(tmp_path: Path) -> None:
    network = small_network()
    network.compile(loss=TwiceTheError(), optimizer="sgd")
    network.save(tmp_path / "m.safetensors")
    with pytest.warns(UserWarning, match="without its training arguments.*TwiceTheError"):
        loaded = engine.load_model(tmp_path / "m.safetensors", device="reference")
    assert loaded.loss is None
