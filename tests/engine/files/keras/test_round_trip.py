"""What we write to Keras' files, we read back: architecture, weights, compile arguments, Adadelta's state."""

import io
import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import engine
from tests.engine.files.keras.networks import movies, same_state, small_network

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".hdf5"])
@pytest.mark.parametrize("head", ["same", "causal"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_loaded_network_is_the_saved_one(tmp_path: Path, suffix: str, head: str, dtype: str) -> None:
    network = small_network(head=head, dtype=dtype)
    network.save(tmp_path / f"model{suffix}")
    loaded = engine.load_model(tmp_path / f"model{suffix}", device="reference")
    assert loaded.get_config() == network.get_config()
    same_state(loaded, network)
    assert loaded.train_on_batch(movies(), movies(2)) == network.train_on_batch(movies(), movies(2))
    same_state(loaded, network)


@pytest.mark.quick
@pytest.mark.parametrize("name", ["w.weights.h5", "w.h5"])
def test_weights_alone(tmp_path: Path, name: str) -> None:
    network, other = small_network(), small_network()
    other.set_weights([np.zeros(weight.shape) for weight in other.weights])
    network.save_weights(tmp_path / name)
    other.load_weights(tmp_path / name)
    for a, b in zip(other.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match=r"no architecture: build the network and call network\.load_weights"):
        engine.load_model(tmp_path / name, device="reference")


def test_save_with_a_weights_name_saves_weights(tmp_path: Path) -> None:
    network = small_network()
    network.save(tmp_path / "a.weights.h5")
    network.save_weights(tmp_path / "b.weights.h5")
    assert (tmp_path / "a.weights.h5").read_bytes() == (tmp_path / "b.weights.h5").read_bytes()
    with pytest.raises(ValueError, match=r"path: expected \.weights\.h5"):
        network.save_weights(tmp_path / "c.npz")


def test_weights_come_out_of_full_files_too(tmp_path: Path) -> None:
    network = small_network()
    for name in ("full.keras", "full.h5"):
        network.save(tmp_path / name)
        other = small_network()
        other.set_weights([np.zeros(weight.shape) for weight in other.weights])
        other.load_weights(tmp_path / name)
        same_state(other, network)


@pytest.mark.parametrize(
    ("gates", "suffix"), [("hard_sigmoid", ".keras"), ("hard_sigmoid_keras3", ".h5"), ("hard_sigmoid", ".weights.h5")]
)
def test_gates_that_a_keras_has_not_come_back(tmp_path: Path, gates: str, suffix: str) -> None:
    network, path = small_network(gates=gates), tmp_path / f"m{suffix}"
    with pytest.warns(UserWarning, match="has another function under the name hard_sigmoid"):
        network.save(path)
    if suffix == ".weights.h5":
        loaded = small_network(gates=gates)
        loaded.load_weights(path)
    else:
        loaded = engine.load_model(path, device="reference")
    assert loaded.get_config()["layers"] == network.get_config()["layers"]
    same_state(loaded, network, tolerance=3e-7)


@pytest.mark.parametrize(
    ("gates", "others", "suffix"),
    [("hard_sigmoid", "hard_sigmoid_keras3", ".keras"), ("hard_sigmoid_keras3", "hard_sigmoid", ".h5")],
)
def test_the_scaled_weights_are_the_same_function_in_the_other_keras(
    tmp_path: Path, gates: str, others: str, suffix: str
) -> None:
    """A program that knows nothing of the marker reads these weights for the gates that its Keras has."""
    network, path = small_network(gates=gates, dtype="float64"), tmp_path / f"m{suffix}"
    network.save(path)
    as_keras = small_network(gates=others, dtype="float64")
    as_keras.load_weights(path)
    np.testing.assert_allclose(as_keras.predict(movies()), network.predict(movies()), rtol=1e-12)
    kernel, original = as_keras.get_weights()[0], network.get_weights()[0]
    factor = 1.2 if suffix == ".keras" else 1 / 1.2
    np.testing.assert_allclose(kernel[..., :6], factor * original[..., :6], rtol=1e-12)
    np.testing.assert_array_equal(kernel[..., 6:9], original[..., 6:9])
    np.testing.assert_allclose(kernel[..., 9:], factor * original[..., 9:], rtol=1e-12)


def test_scaled_accumulators_train_on_alike_where_epsilon_does_not_count(tmp_path: Path) -> None:
    network = small_network(gates="hard_sigmoid", dtype="float64")
    network.compile(loss="binary_crossentropy", optimizer=engine.Adadelta(learning_rate=0.1, epsilon=1e-30))
    state = network.state_arrays()
    network.load_state_arrays(
        {name: np.full_like(array, 1e-4) if name.startswith("optimizer") else array for name, array in state.items()}
    )
    network.save(tmp_path / "m.keras")
    as_keras = small_network(gates="hard_sigmoid_keras3", dtype="float64")
    as_keras.compile(loss="binary_crossentropy", optimizer=engine.Adadelta(learning_rate=0.1, epsilon=1e-30))
    as_keras.load_weights(tmp_path / "m.keras")
    before = network.predict(movies())
    for _ in range(3):
        network.train_on_batch(movies(), movies(2))
        as_keras.train_on_batch(movies(), movies(2))
    np.testing.assert_allclose(as_keras.predict(movies()), network.predict(movies()), rtol=1e-9)
    assert np.abs(network.predict(movies()) - before).max() > 1e-4


def test_gates_that_it_has_are_left_alone_and_nothing_is_said(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    for gates in ("sigmoid", "hard_sigmoid_keras3"):
        network = small_network(gates=gates)
        network.save(tmp_path / "m.keras")
        same_state(engine.load_model(tmp_path / "m.keras", device="reference"), network)
    assert not [warning for warning in recwarn if issubclass(warning.category, UserWarning)]


def test_an_h5_with_hard_gates_warns_of_keras_3(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"for Keras 3 save a \.keras file"):
        small_network(gates="hard_sigmoid").save(tmp_path / "m.h5")


def test_a_network_that_is_not_compiled(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    network = engine.Sequential(device="reference")
    network.add(engine.Conv3D(1, (1, 3, 3), padding="same", input_shape=(None, None, None, 1)))
    for suffix in (".keras", ".h5"):
        network.save(tmp_path / f"m{suffix}")
        loaded = engine.load_model(tmp_path / f"m{suffix}", device="reference")
        assert (loaded.loss, loaded.optimizer) == (None, None)
        assert loaded.input_shape == (None, None, None, 1)
        np.testing.assert_array_equal(loaded.get_weights()[0], network.get_weights()[0])
    assert not [warning for warning in recwarn if issubclass(warning.category, UserWarning)]


def test_keras_3_wants_height_and_width(tmp_path: Path) -> None:
    network = small_network(input_shape=(None, None, None, 2))
    with pytest.raises(ValueError, match="Keras 3 builds a ConvLSTM2D for one height and width only"):
        network.save(tmp_path / "m.keras")
    assert list(tmp_path.iterdir()) == []
    network.save(tmp_path / "m.h5")
    assert engine.load_model(tmp_path / "m.h5", device="reference").input_shape == (None, None, None, 2)


def test_a_causal_head_is_zero_padding_and_a_valid_convolution_in_the_file(tmp_path: Path) -> None:
    small_network(head="causal").save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as file:
        layers = json.loads(file.read("config.json"))["config"]["layers"]
    assert [layer["class_name"] for layer in layers[-2:]] == ["ZeroPadding3D", "Conv3D"]
    assert layers[-2]["config"]["padding"] == [[1, 0], [1, 1], [0, 0]]
    assert layers[-1]["config"]["padding"] == "valid"


def test_equal_networks_are_equal_files_and_nothing_else_is_left(tmp_path: Path) -> None:
    for suffix in (".keras", ".h5"):
        small_network().save(tmp_path / f"a{suffix}")
        small_network().save(tmp_path / f"b{suffix}")
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    assert len(list(tmp_path.iterdir())) == 4


def test_the_content_decides_not_the_name(tmp_path: Path) -> None:
    network = small_network()
    network.save(tmp_path / "m.h5")
    (tmp_path / "m.h5").rename(tmp_path / "m.keras")
    same_state(engine.load_model(tmp_path / "m.keras", device="reference"), network)


def test_many_layers_do_not_fit_one_attribute(tmp_path: Path) -> None:
    network = engine.Sequential(device="reference")
    for number in range(40):
        shape = {"input_shape": (None, 3, 3, 1)} if number == 0 else {}
        network.add(engine.BatchNormalization(name=f"{number:02d}" + 2000 * "n", **shape))
    network.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5") as file:
        assert "layer_names" not in file["model_weights"].attrs
        assert "layer_names1" in file["model_weights"].attrs
    loaded = engine.load_model(tmp_path / "m.h5", device="reference")
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in network.layers]


def test_the_tree_of_tf_keras_2_13_has_other_names(tmp_path: Path) -> None:
    network, other = small_network(), small_network()
    other.set_weights([np.zeros(weight.shape) for weight in other.weights])
    network.save_weights(tmp_path / "w.weights.h5")
    with h5py.File(tmp_path / "w.weights.h5", "r+") as file:
        file.move("layers/conv_lstm2d", "layers/conv_lst_m2d")
        file.move("layers/conv_lstm2d_1", "layers/conv_lst_m2d_1")
        file.move("layers", "_layer_checkpoint_dependencies")
    other.load_weights(tmp_path / "w.weights.h5")
    same_state(other, network)


def test_dtype_can_be_chosen(tmp_path: Path) -> None:
    small_network().save(tmp_path / "m.keras")
    loaded = engine.load_model(tmp_path / "m.keras", device="reference", dtype="float64")
    assert loaded.predict(movies()).dtype == np.float64


def test_bfloat16_weights_are_read(tmp_path: Path) -> None:
    network = small_network()
    network.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as file:
        members = {name: file.read(name) for name in file.namelist()}
    numbers = io.BytesIO(members["model.weights.h5"])
    with h5py.File(numbers, "r+") as file:
        upper = (file["layers/conv3d/vars/0"][()].view(np.uint32) >> 16).astype(np.uint16)
        del file["layers/conv3d/vars/0"]
        file["layers/conv3d/vars/0"] = upper.view("V2")
        file["layers/conv3d/vars/0"].attrs["dtype"] = "bfloat16"
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as file:
        for name, content in {**members, "model.weights.h5": numbers.getvalue()}.items():
            file.writestr(name, content)
    kernel = engine.load_model(tmp_path / "m.keras", device="reference").get_weights()[-2]
    np.testing.assert_allclose(kernel, network.get_weights()[-2], rtol=2**-7)
    assert np.abs(kernel - network.get_weights()[-2]).max() > 0


def test_the_device_is_named_when_it_is_what_is_wrong(tmp_path: Path) -> None:
    small_network().save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match=r"^device: "):
        engine.load_model(tmp_path / "m.keras", device="tpu")


def test_without_h5py_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = small_network()
    network.save(tmp_path / "m.h5")
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    for use in (
        lambda: engine.load_model(tmp_path / "m.h5", device="reference"),
        lambda: network.save(tmp_path / "n.h5"),
    ):
        with pytest.raises(ValueError, match=r"h5py is not installed.*pip install 'convlstm-engine\[keras\]'"):
            use()
