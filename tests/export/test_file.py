"""The file: valid, portable, readable, small, the same bytes for the same network, written whole or not at all."""

import json
import platform
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import onnxsim
import pytest
from onnx import GraphProto, ModelProto, NodeProto

from engine import BatchNormalization, Sequential
from export import build_model, export_network
from tests.export.networks import ALL, FRAME_BY_FRAME, assert_close, conv3d, example, lstm, movies_for, session

GRAPHS = ["sequence", "step", "rollout"]
CASES = [(name, graph) for name in ALL for graph in GRAPHS if graph == "sequence" or name in FRAME_BY_FRAME]


def nodes_of(graph: GraphProto) -> Iterator[NodeProto]:
    """Every node of a graph and of the bodies in it."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from nodes_of(attribute.g)


def seed_network() -> Sequential:
    """The example's network at its full size."""
    layers = [lstm(40, shape=(None, 40, 40, 1)), BatchNormalization()]
    for _ in range(3):
        layers += [lstm(40), BatchNormalization()]
    network = Sequential([*layers, conv3d(1, 3)], device="reference", seed=0)
    network.build()
    return network


def feeds_for(network: Sequential, graph: str, model: ModelProto) -> dict[str, np.ndarray]:
    """Random inputs of a graph."""
    movies = movies_for(network, 2, 3)
    if graph == "sequence":
        return {"movies": movies}
    if graph == "rollout":
        return {"movies": movies, "n_frames": np.array(3, np.int64)}
    feeds = {"frame": movies[:, 0]}
    random = np.random.default_rng(0)
    for value in model.graph.input[1:]:
        shape = [dim.dim_value or 2 for dim in value.type.tensor_type.shape.dim]
        feeds[value.name] = random.normal(size=shape).astype(np.float32)
    return feeds


@pytest.mark.parametrize("name, graph", CASES)
def test_valid_and_strictly_inferable(name: str, graph: str) -> None:
    model = build_model(ALL[name](), graph)
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    assert model.opset_import[0].version == 18
    assert model.ir_version == 8


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("opset", [15, 20, 21, 22, 24])
def test_other_opsets_give_the_same_results(graph: str, opset: int) -> None:
    network = example()
    default, other = build_model(network, graph), build_model(network, graph, opset=opset)
    assert other.opset_import[0].version == opset
    feeds = feeds_for(network, graph, default)
    for found, expected in zip(session(other).run(None, feeds), session(default).run(None, feeds), strict=True):
        assert_close(found, expected)


@pytest.mark.parametrize("opset", [14, 25, 0])
def test_unsupported_opset_is_refused(opset: int) -> None:
    with pytest.raises(ValueError, match=f"opset: expected one of 15.*got {opset}"):
        build_model(example(), opset=opset)


@pytest.mark.parametrize("name, graph", CASES)
def test_every_name_says_its_layer(name: str, graph: str) -> None:
    network = ALL[name]()
    nodes = list(nodes_of(build_model(network, graph).graph))
    assert all(node.name for node in nodes)
    assert len({node.name for node in nodes}) == len(nodes)
    for layer in network.layers:
        assert any(node.name.startswith(f"{layer.name}/") for node in nodes)


def test_as_few_nodes_as_the_mathematics_needs() -> None:
    model = build_model(seed_network(), "step")
    assert len(list(nodes_of(model.graph))) <= 4 * (14 + 2) + 8


def test_the_cost_of_the_seed_network_is_one_copy_of_its_weights() -> None:
    network = seed_network()
    weights = sum(weight.size for weight in network.get_weights()) * 4
    for graph in GRAPHS:
        size = len(build_model(network, graph).SerializeToString())
        assert weights <= size < weights + 100_000 < 4_000_000
    assert len(build_model(network, float16=True).SerializeToString()) < weights / 2 + 100_000


@pytest.mark.parametrize("graph", GRAPHS)
def test_same_network_same_bytes(tmp_path: Path, graph: str) -> None:
    network = example()
    network.save(tmp_path / "model.safetensors")
    for number in range(2):
        export_network(network, tmp_path / f"{number}.onnx", graph=graph)
    first, second = ((tmp_path / f"{number}.onnx").read_bytes() for number in range(2))
    assert first == second
    export_network(example(gates="sigmoid"), tmp_path / "other.onnx", graph=graph)
    assert (tmp_path / "other.onnx").read_bytes() != first


@pytest.mark.parametrize("graph", GRAPHS)
def test_metadata_says_what_the_file_is(graph: str) -> None:
    network = example()
    model = build_model(network, graph)
    about = {prop.key: prop.value for prop in model.metadata_props}
    assert about["graph"] == graph
    assert about["gate_order"] == "i, f, g, o"
    assert json.loads(about["input_shape"]) == [None, 7, 5, 1]
    assert json.loads(about["looks_ahead"]) is True
    layers = json.loads(about["layers"])
    assert [layer["name"] for layer in layers] == [layer.name for layer in network.layers]
    assert layers[0]["recurrent_activation"] == "hard_sigmoid"
    assert about["engine"] and about["how_to_run"]
    states = json.loads(about["states"])
    if graph == "step":
        assert [s["past"] for s in states] == [value.name for value in model.graph.input[1:]]
        assert [s["present"] for s in states] == [value.name for value in model.graph.output[1:]]
        assert len(states) == 5
    else:
        assert states == []


def test_the_fast_layout_of_x86_holds_every_convolution_over_channels(tmp_path: Path) -> None:
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.log_severity_level = 3
    for graph in GRAPHS:
        model = build_model(seed_network(), graph, dynamic_size=graph == "rollout")
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        optimized = onnx.load(tmp_path / "optimized.onnx")
        domains = [node.domain for node in nodes_of(optimized.graph) if "Conv" in node.op_type]
        expected = "com.microsoft.nchwc" if platform.machine() in {"x86_64", "AMD64"} else ""
        assert domains == [expected] * len(domains)
        assert len(domains) >= 5


@pytest.mark.parametrize("name, graph", CASES)
def test_a_simplifier_changes_no_result(name: str, graph: str) -> None:
    network = ALL[name]()
    model = build_model(network, graph)
    simplified, ok = onnxsim.simplify(model)
    assert ok
    feeds = feeds_for(network, graph, model)
    for found, expected in zip(session(simplified).run(None, feeds), session(model).run(None, feeds), strict=True):
        assert_close(found, expected)


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")

    def full(descriptor: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        export_network(example(), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_no_other_file_is_replaced_by_a_graph(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    example().save(path)
    trained = path.read_bytes()
    with pytest.raises(ValueError, match=r"path: expected a name that ends in \.onnx, got .*model\.safetensors"):
        example().export(path)
    assert path.read_bytes() == trained


def test_a_layer_the_exporter_does_not_know_is_refused() -> None:
    network = example()

    class Dropout(BatchNormalization):
        """A class of another name."""

    network.layers[1].__class__ = Dropout
    with pytest.raises(ValueError, match=r"expected layers of .*ConvLSTM2D.*of class Dropout"):
        build_model(network)


@pytest.mark.parametrize("graph", ["loop", "", "Sequence"])
def test_unknown_graph_is_refused(graph: str) -> None:
    with pytest.raises(ValueError, match=r"graph: expected one of 'sequence', 'step', 'rollout'"):
        build_model(example(), graph)


def test_a_network_without_layers_or_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one layer"):
        build_model(Sequential(device="reference"))
    with pytest.raises(ValueError, match="without input_shape"):
        build_model(Sequential([lstm(2)], device="reference"))
