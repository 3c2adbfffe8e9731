"""Every program of examples/ runs as a reader would run it, and says what it is there to show."""

import re
import subprocess
import sys
from pathlib import Path

from tests.paths import FIXTURES, ROOT

PROGRAMS = {
    "next_frame": ["--samples", "20", "--epochs", "1", "--gif", "rollout.gif"],
    "own_movies": ["--epochs", "1"],
    "gradient_check": ["--frames", "3"],
    "states_by_hand": [],
    "encoder_forecaster": ["--epochs", "6"],
    "onnx_rollout": ["--frames", "3"],
    "keras_io_next_frame": ["--samples", "10", "--epochs", "2", "--filters", "2"],
    "u_net": ["--samples", "20", "--epochs", "2", "--filters", "4"],
    "action_recognition": [],
    "anomalies": ["--samples", "100", "--epochs", "10"],
    "from_keras_file": [str(FIXTURES / "keras_files" / "keras3.keras")],
}


def run(name: str, folder: Path) -> str:
    """What the program prints, run in an empty folder."""
    command = [sys.executable, str(ROOT / "examples" / f"{name}.py"), *PROGRAMS[name]]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_run_and_listed() -> None:
    files = {path.stem for path in (ROOT / "examples").glob("*.py")}
    listed = set(re.findall(r"\[(\w+)\.py\]", (ROOT / "examples" / "README.md").read_text(encoding="utf-8")))
    assert files == set(PROGRAMS) == listed


def test_next_frame_draws_a_rollout(tmp_path: Path) -> None:
    assert "new frame 5: mean squared error" in run("next_frame", tmp_path)
    assert (tmp_path / "rollout.gif").read_bytes()[:4] == b"GIF8"


def test_own_movies_saves_a_network_that_predicts(tmp_path: Path) -> None:
    assert "repeating the frame before" in run("own_movies", tmp_path)
    assert (tmp_path / "blobs.safetensors").is_file()


def test_gradients_agree_with_numeric_derivatives(tmp_path: Path) -> None:
    output = run("gradient_check", tmp_path)
    assert float(output.split()[-1]) < 1e-6
    assert output.count("numeric") >= 7, "every weight array is checked"


def test_an_encoder_forecaster_beats_the_last_frame(tmp_path: Path) -> None:
    output = run("encoder_forecaster", tmp_path)
    model, last = ([float(error) for error in line.split(":")[1].split()] for line in output.splitlines()[-2:])
    assert model[-1] < last[-1]


def test_states_go_over_and_gradients_come_back(tmp_path: Path) -> None:
    norms = [float(norm) for norm in re.findall(r"norm (\S+)", run("states_by_hand", tmp_path))]
    assert len(norms) == 6
    assert sum(norm > 0 for norm in norms) >= 5, "all but the kernel that reads the forecaster's zeros"


def test_the_exported_rollout_is_the_engine_s(tmp_path: Path) -> None:
    assert float(run("onnx_rollout", tmp_path).split()[-1]) < 1e-4


def test_a_keras_file_is_trained_on_and_given_back(tmp_path: Path) -> None:
    assert "6 more updates" in run("from_keras_file", tmp_path)
    assert (tmp_path / "back_to_keras.keras").is_file()


def test_the_example_of_keras_io_learns(tmp_path: Path) -> None:
    before, after = re.findall(r"(\d\.\d+)", run("keras_io_next_frame", tmp_path).splitlines()[-1])
    assert float(after) < float(before)


def test_the_u_net_says_how_far_it_came(tmp_path: Path) -> None:
    assert "overlap, from the third frame on, of what the network marks" in run("u_net", tmp_path)


def test_directions_are_told(tmp_path: Path) -> None:
    assert int(run("action_recognition", tmp_path).split()[-1]) > 70


def test_odd_frames_are_found(tmp_path: Path) -> None:
    assert "odd frames [6, 13, 14], worst reconstructed [6, 13, 14]" in run("anomalies", tmp_path)
