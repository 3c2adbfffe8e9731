"""python -m export: from a saved model to a file, and one line with exit code 2 for what cannot be."""

import subprocess
import sys
from pathlib import Path

import pytest

from export import OnnxNetwork
from export.__main__ import main
from tests.export.networks import ahead_in_the_middle, assert_close, example, movies_for


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A saved model."""
    path = tmp_path / "model.safetensors"
    example().save(path)
    return path


@pytest.mark.parametrize("graph", ["sequence", "step", "rollout"])
def test_writes_the_graph_asked_for(model: Path, graph: str, capsys: pytest.CaptureFixture[str]) -> None:
    output = model.with_name("model.onnx")
    assert main([str(model), "--graph", graph, "-o", str(output)]) == 0
    assert str(output) in capsys.readouterr().out
    network, movies = example(), movies_for(example(), 1, 3)
    assert_close(OnnxNetwork(output).rollout(movies, 2), network.rollout(movies, 2))


def test_options_reach_the_file(model: Path) -> None:
    output = model.with_name("model.onnx")
    arguments = [str(model), "--opset", "17", "--float16", "--dynamic-size", "-o", str(output)]
    assert main(arguments) == 0
    runner = OnnxNetwork(output)
    assert runner.input_shape == (None, None, None, 1)
    movies = movies_for(example(), 1, 3)
    assert_close(runner.predict(movies), example().predict(movies), 1e-2)


def test_sequence_is_the_default_and_the_module_runs(model: Path) -> None:
    output = model.with_name("model.onnx")
    command = [sys.executable, "-m", "export", str(model), "-o", str(output)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert OnnxNetwork(output).graph == "sequence"


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["missing.safetensors", "-o", "model.onnx"], "missing.safetensors"),
        (["{model}", "-o", "no/such/folder/model.onnx"], "output: there is no folder no/such/folder"),
        (["{model}", "-o", "{model}"], "output: expected a file name that ends in .onnx"),
        (["trained.onnx", "-o", "trained.onnx"], "output: trained.onnx is the file that MODEL names"),
        (["{model}", "-o", "folder.onnx"], "output: folder.onnx is a folder"),
        (["{model}", "-o", "model.onnx", "--opset", "9"], "opset: expected one of 15"),
        (["{ahead}", "-o", "model.onnx", "--graph", "rollout"], "later frames"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    model: Path,
    arguments: list[str],
    expected: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(model.parent)
    ahead_in_the_middle().save("ahead.safetensors")
    trained = Path("trained.onnx")
    trained.write_bytes(model.read_bytes())
    Path("folder.onnx").mkdir()
    kept = {path: path.read_bytes() for path in (model, trained)}
    filled = [text.format(model=model, ahead="ahead.safetensors") for text in arguments]
    assert main(filled) == 2
    error = capsys.readouterr().err
    assert error.startswith("export: ") and error.count("\n") == 1
    assert expected in error
    assert not Path("model.onnx").exists()
    assert {path: path.read_bytes() for path in kept} == kept
