"""engine.train from the outside: what it leaves, what it prints, and what it refuses."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

import engine
from engine import Conv3D, ConvLSTM2D, Sequential, generate_movies
from engine.fitting.events import EpochDone, StepDone
from engine.fitting.progress import Progress
from engine.layers import Layer
from tests.engine.train.run_helpers import assert_same_end, run, start, write_config


def test_the_run_folder(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "runs" / "one"
    assert run("--config", write_config(tmp_path), "--out", folder) == 0
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names - {"model.onnx"} == {
        "config.json",
        "metrics.csv",
        "checkpoint.safetensors",
        "model.safetensors",
        "best.safetensors",
        "report.json",
        "loss.png",
        "rollout.gif",
        "frames/1_animate.png",
        "frames/2_animate.png",
        "frames/3_animate.png",
    }
    config = json.loads((folder / "config.json").read_text())
    assert config["settings"]["filters"] == [2]
    assert config["settings"]["seed"] == 0
    assert config["versions"].keys() >= {"python", "numpy", "numba"}
    with (folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert [row["step"] for row in rows] == ["6", "12"]
    assert float(rows[1]["loss"]) < float(rows[0]["loss"])
    assert float(rows[1]["val_loss"]) > 0

    output = capfd.readouterr()
    assert "device reference: as asked for" in output.out
    assert "On 2 movies that training never saw" in output.out
    assert "repeating the last" in output.out
    assert "docs/fidelity.md" in output.out
    assert "epoch 2/2  loss" in output.err
    assert "movies/s" in output.err
    assert "\r" not in output.err


def test_the_report_is_of_the_saved_model_on_the_last_sixth(tmp_path: Path) -> None:
    assert run("--config", write_config(tmp_path), "--out", tmp_path / "run") == 0
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    network = engine.load_model(tmp_path / "run" / "model.safetensors", device="reference")
    noisy, shifted = (movies[-2:] for movies in generate_movies(16, 3, seed=0))
    expected = ((network.rollout(noisy[:, :1], 3) - shifted) ** 2).mean(axis=(0, 2, 3, 4))
    np.testing.assert_allclose(report["rollout"]["mse"], expected, rtol=1e-4)
    persistence = ((noisy[:, :1] - shifted) ** 2).mean(axis=(0, 2, 3, 4))
    np.testing.assert_allclose(report["rollout"]["persistence_mse"], persistence, rtol=1e-4)
    assert report["loss"]["all_frames"] == pytest.approx(network.evaluate(noisy, shifted), rel=1e-3)


@pytest.mark.parametrize(
    ("head", "says"),
    [
        ('head_kernel_size = [3, 3, 3]\nhead_padding = "same"', "Only the last frame counts"),
        ('head_kernel_size = [3, 3, 3]\nhead_padding = "causal"', "sees no later frame"),
        ("head_kernel_size = [1, 3, 3]", "sees no later frame"),
    ],
)
def test_the_leak_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str], head: str, says: str) -> None:
    assert run("--config", write_config(tmp_path, head), "--epochs", 1, "--out", tmp_path / "run") == 0
    assert says in capfd.readouterr().out


def test_a_run_is_never_overwritten(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious.txt").write_text("keep")
    assert run("--config", write_config(tmp_path), "--out", tmp_path / "mine") == 2
    assert "exists already" in capfd.readouterr().err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["precious.txt"]


def test_same_seed_same_bits_another_seed_others(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        assert run("--config", config, "--seed", seed, "--out", tmp_path / name) == 0
    a, b, c = ((tmp_path / name / "model.safetensors").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_own_movies_of_another_size(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    movies = (np.random.default_rng(0).random((7, 5, 9, 12)) * 255).astype(np.uint8)
    np.savez(tmp_path / "own.npz", rain=movies, times=np.arange(5))
    config = write_config(tmp_path, without=("samples", "frames"))
    assert run("--config", config, "--data", tmp_path / "own.npz", "--out", tmp_path / "run") == 0
    assert "4 movies of 4 frames of 9x12 to train on, 2 to validate, 1 held out" in capfd.readouterr().out


def test_faint_movies_are_no_success(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing reaches one half, so nothing can be hit: no number, where a perfect 1.00 stood once."""
    movies = np.random.default_rng(0).random((7, 4, 9, 12)) * 0.02
    np.save(tmp_path / "faint.npy", movies)
    settings = 'loss = "mse"\ncsi_threshold = {}'
    for name, threshold, csi in (("half", 0.5, "       -"), ("low", 0.001, "    0.")):
        config = write_config(tmp_path, settings.format(threshold), without=("samples", "frames"))
        assert run("--config", config, "--data", tmp_path / "faint.npy", "--out", tmp_path / name) == 0
        output = capfd.readouterr().out
        assert f"CSI, repeating the last  {csi}" in output
        assert (f"no pixel reaches {threshold:g}" in output) == (name == "half")
        report = json.loads((tmp_path / name / "report.json").read_text())["rollout"]
        assert report["csi_threshold"] == threshold
        assert (report["persistence_csi"] == [None] * 3) == (name == "half")


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


@pytest.mark.parametrize("config", ['optimizer = "sgd"', 'loss = "hinge"', 'recurrent_activation = "relu"'])
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


def test_help_shows_every_preset_and_how_to_resume(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run("--help")
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for word in ("seed", "causal", "quick", "--resume", "--data", "--config", "examples:"):
        assert word in text


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_there_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.fitting.progress._BAR_SECONDS", 0.0)
    stream = _Terminal()
    with Progress(movies=4, epochs=2, stream=stream) as progress:
        for step in range(2):
            progress.step(StepDone(0, step, 2, step + 1, 2, lambda: 0.25))
        progress.epoch(EpochDone(0, {"loss": 0.25, "val_loss": 0.5}))
    shown = stream.getvalue()
    assert "\r" in shown
    for text in ("epoch 1/2", " 50%", "loss 0.2500", "movies/s", "left", "val_loss 0.5000"):
        assert text in shown


def test_nothing_is_shown_where_nothing_is_asked_for() -> None:
    stream = _Terminal()
    with Progress(movies=4, epochs=2, show=False, stream=stream) as progress:
        progress.step(StepDone(0, 0, 2, 1, 2, lambda: 1 / 0))
        progress.epoch(EpochDone(0, {"loss": 0.25}))
    assert stream.getvalue() == ""
