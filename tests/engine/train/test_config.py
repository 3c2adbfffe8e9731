"""Presets, configuration files and the command line's settings: what wins, and what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.train.config import PRESETS, TrainConfig, from_json, make_config

CPU = {"device": "cpu"}


def test_the_seed_preset_is_the_example() -> None:
    seed = PRESETS["seed"]
    assert (seed.samples, seed.frames, seed.filters, seed.batch_size) == (1200, 15, (40, 40, 40, 40), 10)
    assert (seed.epochs, seed.validation_split, seed.head_kernel_size, seed.head_padding) == (
        300,
        0.05,
        (3, 3, 3),
        "same",
    )
    assert seed.optimizer == {"name": "adadelta", "learning_rate": 1.0, "rho": 0.95, "epsilon": 1e-7}
    assert (seed.loss["name"], seed.metrics, seed.batch_norm_momentum) == ("binary_crossentropy", (), 0.99)


def test_the_causal_preset_differs_in_the_head_only() -> None:
    assert replace(PRESETS["causal"], preset="seed", head_padding="same") == PRESETS["seed"]


def test_the_device_decides_the_default_preset_and_says_so() -> None:
    config, reason = make_config(CPU)
    assert config == replace(PRESETS["quick"], device="cpu")
    assert "quick" in reason
    assert "--preset seed" in reason


def test_command_line_wins_over_file_and_file_over_preset(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('preset = "causal"\nepochs = 7\nfilters = [3, 5]\nbatch_size = 4\nkernel_size = [5, 3]\n')
    config, _ = make_config({**CPU, "epochs": 9, "samples": None}, path)
    expected = replace(PRESETS["causal"], epochs=9, filters=(3, 5), batch_size=4, kernel_size=(5, 3), device="cpu")
    assert config == expected
    assert make_config({**CPU, "preset": "seed"}, path)[0].head_padding == "same"


def test_json_and_back() -> None:
    config = replace(PRESETS["quick"], filters=(1, 2, 3), data="a.npz")
    assert from_json(config.to_json(), "here") == config


@pytest.mark.parametrize(
    "settings",
    [
        {"preset": "seeed"},
        {"optimizer": "adamm"},
        {"loss": "crossentropy"},
        {"recurrent_activation": "relu"},
        {"head_padding": "valid"},
        {"batch_size": 0},
        {"batch_size": -1},
        {"batch_size": 2.5},
        {"epochs": 0},
        {"samples": 0},
        {"frames": 0},
        {"seed": -1},
        {"seed": 2**32},
        {"filters": []},
        {"filters": 16},
        {"filters": [16, 0]},
        {"filters": ["a"]},
        {"kernel_size": 2},
        {"kernel_size": [3, 4]},
        {"head_kernel_size": [3, 3]},
        {"learning_rate": -1.0},
        {"learning_rate": "fast"},
        {"validation_split": 1.0},
        {"batch_norm_momentum": 1.5},
        {"dtype": "float16"},
        {"precision": "fp8"},
        {"checkpoint_every": -1},
        {"data": 3},
        {"data": ""},
        {"init": ""},
        {"surprise": 1},
    ],
)
def test_refused_settings_are_named(settings: dict[str, object]) -> None:
    (name,) = settings
    with pytest.raises(ValueError, match=name):
        make_config({**CPU, **settings})


def test_data_of_ones_own_cannot_be_counted_here() -> None:
    with pytest.raises(ValueError, match="samples"):
        make_config({**CPU, "data": "a.npz", "samples": 10})


def test_the_settings_of_a_network_are_refused_beside_init_wherever_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text("kernel_size = [5, 5]\nlearning_rate = 0.5\n")
    with pytest.raises(ValueError, match=r"^kernel_size: with init the network is the file's"):
        make_config({**CPU, "init": "a.safetensors"}, path)
    path.write_text('init = "a.safetensors"\nepochs = 3\n')
    with pytest.raises(ValueError, match=r"^filters, head_padding: with init"):
        make_config({**CPU, "filters": [2], "head_padding": "causal"}, path)
    assert make_config({**CPU, "preset": "causal"}, path)[0].epochs == 3


def test_paths_are_kept_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config, _ = make_config({**CPU, "data": "a.npz", "init": "../b.safetensors"})
    assert (config.data, config.init) == (str(tmp_path / "a.npz"), str(tmp_path.parent / "b.safetensors"))


def test_unknown_device() -> None:
    with pytest.raises(ValueError, match="device"):
        make_config({"device": "tpu"})


def test_refused_files(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    with pytest.raises(ValueError, match=r"run\.toml: there is no such file"):
        make_config(CPU, path)
    path.write_text("epochs = = 3")
    with pytest.raises(ValueError, match=r"run\.toml: not a TOML file"):
        make_config(CPU, path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"run\.toml: not a TOML file"):
        make_config(CPU, path)
    with pytest.raises(ValueError, match=r"config\.json: expected"):
        from_json([1], "config.json")
    with pytest.raises(ValueError, match=r"config\.json: epochs"):
        from_json({"epochs": "many"}, "config.json")


def test_defaults_are_valid() -> None:
    assert from_json({}, "here") == TrainConfig()
