"""OnnxNetwork: predict and rollout over a file, and what it says of files and inputs that do not fit."""

import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from export import OnnxNetwork, build_model, export_network
from tests.export.networks import assert_close, causal, example, movies_for


def exported(folder: Path, network: object, graph: str) -> OnnxNetwork:
    """The network as a file, opened."""
    export_network(network, folder / f"{graph}.onnx", graph=graph)
    return OnnxNetwork(folder / f"{graph}.onnx", threads=1)


@pytest.mark.parametrize("graph", ["sequence", "step"])
def test_predict_equals_the_engine(tmp_path: Path, graph: str) -> None:
    network = causal()
    runner = exported(tmp_path, network, graph)
    for n, frames in [(1, 1), (3, 4)]:
        movies = movies_for(network, n, frames)
        assert_close(runner.predict(movies), network.predict(movies))


def test_a_second_stream_begins_from_nothing(tmp_path: Path) -> None:
    network = example()
    runner = exported(tmp_path, network, "step")
    movies = movies_for(network, 2, 4)
    first = runner.rollout(movies, 3)
    np.testing.assert_array_equal(runner.rollout(movies, 3), first)


def test_any_numeric_dtype_goes_in(tmp_path: Path) -> None:
    network = example()
    runner = exported(tmp_path, network, "sequence")
    movies = movies_for(network, 1, 3).round()
    for dtype in (np.float64, np.uint8, np.bool_):
        assert_close(runner.predict(movies.astype(dtype)), network.predict(movies))


def test_says_what_it_is_and_where_it_runs(tmp_path: Path) -> None:
    runner = exported(tmp_path, example(), "rollout")
    assert (runner.graph, runner.name, runner.input_shape) == ("rollout", "sequential", (None, 7, 5, 1))
    assert runner.provider in onnxruntime.get_available_providers()
    assert runner.provider in runner.description
    chosen = OnnxNetwork(tmp_path / "rollout.onnx", providers=["CPUExecutionProvider"])
    assert chosen.provider == "CPUExecutionProvider"
    assert "asked for" in chosen.description


@pytest.mark.parametrize("shape, expected", [((1, 2, 6, 5, 1), "7 height"), ((1, 2, 7, 5, 3), "1 channels")])
def test_movies_of_another_size_are_refused(tmp_path: Path, shape: tuple[int, ...], expected: str) -> None:
    runner = exported(tmp_path, example(), "sequence")
    with pytest.raises(ValueError, match=f"x: expected {expected}"):
        runner.predict(np.zeros(shape))
    with pytest.raises(ValueError, match=f"track: expected {expected}"):
        runner.rollout(np.zeros(shape), 1)


@pytest.mark.parametrize("graph", ["sequence", "step", "rollout"])
def test_no_frames_are_refused(tmp_path: Path, graph: str) -> None:
    runner = exported(tmp_path, example(), graph)
    for n_frames in (0, -1, 1.5):
        with pytest.raises(ValueError, match="n_frames: expected an integer of at least 1"):
            runner.rollout(np.zeros((2, 7, 5, 1)), n_frames)  # type: ignore[arg-type]


def test_predictions_that_a_graph_cannot_make_are_refused(tmp_path: Path) -> None:
    movies = np.zeros((1, 2, 7, 5, 1))
    with pytest.raises(ValueError, match="predict: this file holds the rollout graph"):
        exported(tmp_path, example(), "rollout").predict(movies)
    with pytest.raises(ValueError, match="predict: an output of this network depends on later frames"):
        exported(tmp_path, example(), "step").predict(movies)


def test_files_that_are_not_ours_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"path: expected an ONNX file.*which is no file"):
        OnnxNetwork(tmp_path / "missing.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"not a model")
    with pytest.raises(ValueError, match=r"path: onnxruntime cannot load .*broken\.onnx"):
        OnnxNetwork(tmp_path / "broken.onnx")
    foreign = build_model(example())
    del foreign.metadata_props[:]
    (tmp_path / "foreign.onnx").write_bytes(foreign.SerializeToString())
    with pytest.raises(ValueError, match="was not written by this exporter"):
        OnnxNetwork(tmp_path / "foreign.onnx")


def test_a_provider_that_is_not_there_is_refused(tmp_path: Path) -> None:
    export_network(example(), tmp_path / "model.onnx")
    with pytest.raises(ValueError, match=r"providers: onnxruntime here has .*got 'NoSuchExecutionProvider'"):
        OnnxNetwork(tmp_path / "model.onnx", providers=["NoSuchExecutionProvider"])


def test_without_onnxruntime_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export_network(example(), tmp_path / "model.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ValueError, match=r"onnxruntime: expected it to be installed.*pip install"):
        OnnxNetwork(tmp_path / "model.onnx")
