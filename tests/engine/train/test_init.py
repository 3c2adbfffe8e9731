"""engine.train that begins with a saved network (--init), and goes on without its file."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import engine
from engine import Conv3D, ConvLSTM2D, Sequential
from engine.layers import Layer
from tests.engine.train.run_helpers import assert_same_end, run, write_config


def _losses(folder: Path) -> list[float]:
    with (folder / "metrics.csv").open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


NETWORK = ("filters", "batch_norm_momentum", "head_kernel_size")


def test_init_goes_on_from_a_saved_network(tmp_path: Path) -> None:
    config = write_config(tmp_path, "filters = [3, 2]")
    assert run("--config", config, "--epochs", 4, "--out", tmp_path / "first") == 0
    model = tmp_path / "first" / "model.safetensors"
    assert run("--config", write_config(tmp_path, without=NETWORK), "--init", model, "--out", tmp_path / "second") == 0
    assert _losses(tmp_path / "second")[0] < _losses(tmp_path / "first")[2]
    network = engine.load_model(tmp_path / "second" / "model.safetensors", device="reference")
    assert [layer.filters for layer in network.layers[::2]] == [3, 2, 1]


def test_a_network_beside_init_is_refused_not_ignored(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("--config", write_config(tmp_path), "--out", tmp_path / "first") == 0
    model = tmp_path / "first" / "model.safetensors"
    capfd.readouterr()
    assert run("--config", write_config(tmp_path), "--init", model, "--out", tmp_path / "second") == 2
    assert "filters, batch_norm_momentum, head_kernel_size: with init the network is the file's" in (
        capfd.readouterr().err
    )
    assert not (tmp_path / "second").exists()


def test_a_run_is_gone_on_with_from_anywhere_and_without_its_init_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_folder, other_folder = tmp_path / "start", tmp_path / "other"
    start_folder.mkdir()
    other_folder.mkdir()
    monkeypatch.chdir(start_folder)
    np.save("own.npy", np.random.default_rng(0).random((9, 4, 6, 6, 1)))
    network = Sequential(device="reference", seed=1)
    network.add(Conv3D(1, 3, padding="causal", activation="sigmoid", input_shape=(None, None, None, 1)))
    network.save("mine.safetensors")
    config = write_config(tmp_path, without=("samples", "frames", *NETWORK))
    given = ("--config", config, "--init", "mine.safetensors", "--data", "own.npy")
    assert run(*given, "--epochs", 3, "--out", tmp_path / "whole") == 0
    assert run(*given, "--epochs", 1, "--out", tmp_path / "parts") == 0
    settings = json.loads((tmp_path / "parts" / "config.json").read_text())["settings"]
    assert settings["init"] == str(start_folder / "mine.safetensors")
    assert settings["data"] == str(start_folder / "own.npy")
    monkeypatch.chdir(other_folder)
    (start_folder / "mine.safetensors").unlink()
    assert run("--resume", tmp_path / "parts", "--epochs", 3) == 0
    assert_same_end(tmp_path / "whole", tmp_path / "parts")


@pytest.mark.parametrize(
    ("last", "reached"),
    [
        (Conv3D(1, 3, padding="causal"), (True, True)),
        (Conv3D(1, 3, padding="causal", activation="relu"), (True, False)),
        (Conv3D(1, 3, padding="causal", activation="tanh"), (False, True)),
        (Conv3D(1, 3, padding="causal", activation="hard_sigmoid"), (False, False)),
        (ConvLSTM2D(1, 3, padding="same", return_sequences=True), (False, True)),
        (ConvLSTM2D(1, 3, padding="same", return_sequences=True, activation="relu"), (True, False)),
    ],
)
def test_with_init_the_last_activation_of_the_file_says_what_it_reaches(
    tmp_path: Path, last: Layer, reached: tuple[bool, bool]
) -> None:
    """Targets far above 1, and targets from -1 to 1."""
    movies = np.random.default_rng(0).random((7, 4, 6, 6, 1))
    np.save(tmp_path / "loud.npy", movies * 255)
    np.save(tmp_path / "signed.npy", movies * 2 - 1)
    network = Sequential([last], device="reference", seed=1)
    network.build((None, None, None, 1))
    network.save(tmp_path / "mine.safetensors")
    config = write_config(tmp_path, "loss = 'mse'\nepochs = 1", without=("samples", "frames", *NETWORK))
    for name, expected in zip(("loud", "signed"), reached, strict=True):
        data = ("--data", tmp_path / f"{name}.npy", "--init", tmp_path / "mine.safetensors")
        assert run("--config", config, *data, "--out", tmp_path / name) == (0 if expected else 2)
