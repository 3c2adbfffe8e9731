"""Step and rollout graphs equal the engine's rollout, the step loop equals the sequence, whatever executes them."""

import json
from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto

from engine import Sequential
from export import OnnxNetwork, build_model, export_network
from tests.export.networks import (
    FRAME_BY_FRAME,
    Array,
    ahead_in_the_middle,
    assert_close,
    causal,
    conv3d,
    example,
    lstm,
    movies_for,
    one_tap,
    randomized,
    run_everywhere,
    session,
)
from tests.paths import ROOT

N_NEW = 5


def growing(network: Sequential, movies: Array, n_frames: int) -> Array:
    """The example's own loop: predict the whole track, append the last frame."""
    for _ in range(n_frames):
        movies = np.concatenate([movies, network.predict(movies)[:, -1:]], axis=1)
    return movies[:, -n_frames:]


def step_loop(model: ModelProto, movies: Array, optimized: bool = True) -> Array:
    """Run a step graph by nothing but the pairing in its metadata; every prediction, (N,T,H,W,K)."""
    states = json.loads({p.key: p.value for p in model.metadata_props}["states"])
    runner = session(model, optimized)
    sizes = {"N": movies.shape[0], "H": movies.shape[2], "W": movies.shape[3]}
    past = {s["past"]: np.zeros([sizes.get(d, d) for d in s["shape"]], np.float32) for s in states}
    predictions = []
    for t in range(movies.shape[1]):
        outputs = dict(
            zip([o.name for o in runner.get_outputs()], runner.run(None, {"frame": movies[:, t], **past}), strict=True)
        )
        predictions.append(outputs["prediction"])
        past = {s["past"]: outputs[s["present"]] for s in states}
    return np.stack(predictions, axis=1)


@pytest.mark.parametrize("n, frames", [(1, 1), (2, 4)])
@pytest.mark.parametrize("name", FRAME_BY_FRAME)
def test_rollout_graph_equals_engine_and_growing_track(name: str, n: int, frames: int) -> None:
    network = FRAME_BY_FRAME[name]()
    movies = movies_for(network, n, frames)
    expected = network.rollout(movies, N_NEW)
    assert_close(growing(network, movies, N_NEW), expected)
    feeds = {"movies": movies, "n_frames": np.array(N_NEW, np.int64)}
    for found in run_everywhere(build_model(network, "rollout"), feeds).values():
        assert_close(found, expected)


@pytest.mark.parametrize("name", FRAME_BY_FRAME)
@pytest.mark.parametrize("graph", ["sequence", "step", "rollout"])
def test_all_graphs_roll_out_alike(tmp_path: Path, name: str, graph: str) -> None:
    network = FRAME_BY_FRAME[name]()
    movies = movies_for(network, 2, 3)
    export_network(network, tmp_path / "model.onnx", graph=graph)
    runner = OnnxNetwork(tmp_path / "model.onnx")
    for n_frames in (1, N_NEW):
        assert_close(runner.rollout(movies, n_frames), network.rollout(movies, n_frames))
    assert_close(runner.rollout(movies[0], 2), network.rollout(movies[0], 2))


@pytest.mark.parametrize("graph", ["step", "rollout"])
def test_size_is_open_on_request(tmp_path: Path, graph: str) -> None:
    network = example(height=None, width=None)
    export_network(network, tmp_path / "model.onnx", graph=graph, dynamic_size=True)
    runner = OnnxNetwork(tmp_path / "model.onnx")
    for height, width in [(7, 5), (4, 11)]:
        movies = movies_for(network, 2, 3, height, width)
        assert_close(runner.rollout(movies, 3), network.rollout(movies, 3))


@pytest.mark.parametrize("optimized", [True, False])
def test_step_loop_equals_sequence_of_a_causal_network(optimized: bool) -> None:
    network = causal()
    movies = movies_for(network, 2, 6)
    assert_close(step_loop(build_model(network, "step"), movies, optimized), network.predict(movies))


def test_last_step_equals_last_frame_of_a_network_that_looks_ahead() -> None:
    network = example()
    movies = movies_for(network, 2, 6)
    found, expected = step_loop(build_model(network, "step"), movies), network.predict(movies)
    assert_close(found[:, -1], expected[:, -1])
    assert np.abs(found[:, :-1] - expected[:, :-1]).max() > 1e-3


def test_step_graph_has_no_control_flow_and_no_shape_arithmetic() -> None:
    operators = {node.op_type for node in build_model(example(), "step").graph.node}
    assert not operators & {"Scan", "Loop", "If", "Shape", "Reshape", "ConstantOfShape"}


@pytest.mark.parametrize("graph", ["step", "rollout"])
def test_float16_rollout_stays_within_a_hundredth(tmp_path: Path, graph: str) -> None:
    network = example()
    movies = movies_for(network, 2, 4)
    export_network(network, tmp_path / "model.onnx", graph=graph, float16=True)
    assert_close(OnnxNetwork(tmp_path / "model.onnx").rollout(movies, 4), network.rollout(movies, 4), 1e-2)


@pytest.mark.parametrize("graph", ["step", "rollout"])
def test_a_network_that_needs_later_frames_in_the_middle_is_refused(graph: str) -> None:
    with pytest.raises(ValueError, match=r"'conv3d'.*later frames.*expected padding='causal'"):
        build_model(ahead_in_the_middle(), graph)


def test_rollout_of_a_network_that_cannot_feed_itself_is_refused() -> None:
    network = randomized([lstm(3, shape=(None, 5, 5, 2)), conv3d(1, 3)])
    with pytest.raises(ValueError, match="output has 1 channels and the input 2"):
        build_model(network, "rollout")
    build_model(network, "step")


def test_the_loop_of_the_documentation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs" / "onnx.md").read_text(encoding="utf-8")
    start = text.index("import json, numpy, onnxruntime")
    code = text[start : text.index("```", start)]
    network = one_tap(None, None)
    network.export(tmp_path / "step.onnx", graph="step")
    monkeypatch.chdir(tmp_path)
    movie = movies_for(network, 1, 4)[0]
    names = {"movie": movie}
    exec(code, names)
    assert_close(names["prediction"], network.predict(movie[np.newaxis])[:, -1])
