"""engine.train from the outside: what it leaves and what it prints."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import engine
from engine import generate_movies
from tests.engine.train.run_helpers import run, write_config


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


def test_help_shows_every_preset_and_how_to_resume(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run("--help")
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for word in ("seed", "causal", "quick", "--resume", "--data", "--config", "examples:"):
        assert word in text
