"""What engine.train refuses, in one line and before anything is written."""

from pathlib import Path

import numpy as np
import pytest

from engine import Conv3D, Sequential
from tests.engine.train.run_helpers import run, start, write_config


@pytest.mark.parametrize("loss", ["binary_crossentropy", "mse", "mae", "huber"])
def test_targets_that_a_sigmoid_cannot_reach_are_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], loss: str
) -> None:
    movies = np.random.default_rng(0).random((7, 4, 9, 12))
    config = write_config(tmp_path, f"loss = '{loss}'\nepochs = 1", without=("samples", "frames"))
    for name, off in (("loud", movies * 255), ("negative", movies - 0.5)):
        np.save(tmp_path / f"{name}.npy", off)
        assert run("--config", config, "--data", tmp_path / f"{name}.npy", "--out", tmp_path / name) == 2
        errors = capfd.readouterr().err
        assert errors.count("\n") == 1
        assert "targets from 0 to 1" in errors and "scale them" in errors and f"{off[:, 1:].max():g}" in errors
        assert not (tmp_path / name).exists()


def test_a_changed_data_file_stops_a_resume(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    movies = np.random.default_rng(0).random((5, 3, 6, 6, 1))
    np.save(tmp_path / "own.npy", movies)
    config = write_config(tmp_path, without=("samples", "frames"))
    assert run("--config", config, "--data", tmp_path / "own.npy", "--out", tmp_path / "run") == 0
    np.save(tmp_path / "own.npy", 1 - movies)
    before = (tmp_path / "run" / "checkpoint.safetensors").read_bytes()
    assert run("--resume", tmp_path / "run", "--epochs", 3) == 2
    assert "its data file has changed" in capfd.readouterr().err
    assert (tmp_path / "run" / "checkpoint.safetensors").read_bytes() == before


def _bad_files(folder: Path) -> None:
    movies = np.random.default_rng(0).random((4, 3, 6, 6, 1))
    np.save(folder / "nan.npy", np.where(movies > 0.9, np.nan, movies))
    np.save(folder / "rank2.npy", movies[0, 0, :, :, 0])
    np.save(folder / "empty.npy", movies[:0])
    np.save(folder / "single.npy", movies[:1])
    np.save(folder / "loud.npy", movies * 3)
    np.save(folder / "objects.npy", movies.astype(object), allow_pickle=True)
    np.save(folder / "colour.npy", np.repeat(movies, 3, axis=-1))
    np.savez(folder / "disagree.npz", x=movies, y=movies[:, 1:])
    (folder / "text.npz").write_text("no movies here")
    (folder / "damaged").mkdir()
    (folder / "damaged" / "config.json").write_text("{")
    network = Sequential(device="reference")
    network.add(Conv3D(1, 3, padding="same", activation="sigmoid", input_shape=(None, None, None, 1)))
    network.save(folder / "gray.safetensors")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--preset", "huge"], "preset"),
        (["--device", "tpu"], "device"),
        (["--device", "cuda:99"], "device"),
        (["--batch-size", "0"], "batch_size"),
        (["--batch-size", "ten"], "batch-size"),
        (["--epochs", "-1"], "epochs"),
        (["--samples", "1"], "at least 2 movies"),
        (["--seed", "-1"], "seed"),
        (["--data", "FOLDER/missing.npz"], "no such file"),
        (["--data", ""], "data: expected the path of a file"),
        (["--data", "FOLDER/damaged"], "this is a folder"),
        (["--data", "FOLDER/text.npz"], "not a whole .npy or .npz"),
        (["--data", "FOLDER/objects.npy"], "plain numbers"),
        (["--data", "FOLDER/nan.npy"], "nan"),
        (["--data", "FOLDER/rank2.npy"], "expected (N,T,H,W,C)"),
        (["--data", "FOLDER/empty.npy"], "at least one movie"),
        (["--data", "FOLDER/single.npy"], "at least 2 movies"),
        (["--data", "FOLDER/loud.npy"], "targets from 0 to 1"),
        (["--data", "FOLDER/disagree.npz"], "must agree"),
        (["--data", "FOLDER/nan.npy", "--samples", "8"], "samples"),
        (["--init", "FOLDER/missing.safetensors"], "no such file"),
        (["--init", "FOLDER/nan.npy"], "not a whole safetensors file"),
        (["--init", "FOLDER/gray.safetensors", "--data", "FOLDER/colour.npy"], "init"),
        (["--config", "FOLDER/missing.toml"], "no such file"),
        (["--config", "FOLDER/text.npz"], "not a TOML file"),
        (["--resume", "FOLDER/missing"], "not the folder of a run"),
        (["--resume", "FOLDER/damaged"], "config.json"),
        (["--resume", "FOLDER/damaged", "--samples", "3"], "--samples"),
        (["--surprise"], "surprise"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    _bad_files(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    given = [argument.replace("FOLDER", str(tmp_path)) for argument in arguments]
    if "--resume" not in given:
        given += ["--out", str(tmp_path / "run")]
        given += [] if "--device" in given else ["--device", "reference"]
    try:
        code = run(*given)
    except SystemExit as exit_from_argparse:
        code = int(exit_from_argparse.code or 0)
    errors = capsys.readouterr().err
    assert code == 2
    assert errors.count("\n") == 1
    assert says in errors
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("config", ['optimizer = "sgdd"', 'loss = "hinge"', 'recurrent_activation = "relu"'])
def test_unknown_names_in_a_configuration_file(tmp_path: Path, capsys: pytest.CaptureFixture[str], config: str) -> None:
    assert run("--config", write_config(tmp_path, config), "--out", tmp_path / "run") == 2
    assert config.split(maxsplit=1)[0] in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_truncated_checkpoint_is_refused_and_nothing_is_touched(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    assert run("--config", write_config(tmp_path), "--out", folder) == 0
    checkpoint = folder / "checkpoint.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-20])
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    capfd.readouterr()
    assert run("--resume", folder, "--epochs", 5) == 2
    errors = capfd.readouterr().err
    assert errors.count("\n") == 1
    assert "not a whole safetensors file" in errors
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_no_traceback_from_the_real_program(tmp_path: Path) -> None:
    process = start("--preset", "nothing", "--out", tmp_path / "run")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert errors.startswith("train: preset: expected one of 'seed', 'causal', 'quick'")
    assert errors.count("\n") == 1
