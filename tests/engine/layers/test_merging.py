"""Layers of several inputs in networks: gradients, streams, Keras' functions, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine
from engine import Add, Average, Concatenate, Conv3D, ConvLSTM2D, Dense, Maximum, Model, Multiply, Subtract
from engine.files.keras.architecture import read_architecture
from engine.layers import Input, Layer
from tests.engine.networks import FLOAT64_DEVICES
from tests.kernels.directional import check_direction
from tests.paths import FIXTURES

RANDOM = np.random.default_rng(3)
X = RANDOM.standard_normal((2, 3, 4, 5, 2))
MOVIE = X.shape[1:]


def gated(device: str) -> Model:
    """A squeeze-and-excitation of a kind: every merge, broadcasting over time, frames and channels, and skips."""
    x = Input(MOVIE)
    a = Conv3D(3, (1, 3, 3), padding="same", activation="tanh")(x)
    b = Conv3D(3, (3, 1, 1), padding="same", activation="sigmoid")(x)
    gate = Conv3D(1, 1, activation="sigmoid")(x)  # (T,H,W,1)
    still = ConvLSTM2D(3, 3, padding="same")(x)  # (H,W,3), for all frames
    h = Multiply()([a, gate, b])
    h = Add()([h, still, a])
    h = Concatenate()([h, Subtract()([b, still])])
    h = Maximum()([h, Concatenate(axis=-1)([b, a])])
    h = Average()([h, h, Concatenate()([a, a])])
    h = Concatenate(axis=1)([h, h])
    built = Model(x, Dense(1)(h), device=device, dtype="float64", seed=4)
    built.compile(loss="mse")
    return built


@pytest.mark.parametrize("device", FLOAT64_DEVICES)
def test_gradients_are_the_numeric_ones(device: str) -> None:
    built = gated(device)
    y = RANDOM.standard_normal((2, *built.output_shape(MOVIE)))
    assert y.shape[1] == 2 * MOVIE[0]
    _, gradients = built.loss_and_gradients(X, y)
    for weight in built.weights:
        at = weight.to_host()

        def loss(value: np.ndarray[Any, Any], weight: Any = weight) -> float:
            weight.assign(value)
            return built.loss_and_gradients(X, y)[0]

        check_direction(loss, at, gradients[weight.name], weight.name)
        weight.assign(at)


def check_rollout(built: Model) -> None:
    """A rollout gives what predictions on the growing track give."""
    track = X[0]
    for frame in built.rollout(track, 2):
        np.testing.assert_allclose(frame, built.predict(track[np.newaxis])[0, -1], atol=1e-6)
        track = np.concatenate([track, frame[np.newaxis]])


@pytest.mark.parametrize("merge", [Add(), Subtract(), Multiply(), Average(), Maximum(), Concatenate()])
def test_a_merge_of_frames_streams(merge: Layer) -> None:
    assert merge.can_stream and not merge.looks_ahead
    x = Input((None, 4, 5, 2))
    h = ConvLSTM2D(2, 3, padding="same", return_sequences=True)(x)
    check_rollout(Model(x, Conv3D(2, 1)(merge([h, x])), device="reference", dtype="float64", seed=1))


def test_a_merge_with_one_frame_for_all_is_rolled_out_on_the_growing_track() -> None:
    x = Input((None, 4, 5, 2))
    last = ConvLSTM2D(2, 3, padding="same")(x)
    check_rollout(Model(x, Conv3D(2, 1)(Multiply()([x, last])), device="reference", dtype="float64", seed=1))


@pytest.mark.parametrize("axis", [1, -4])
def test_over_time_it_does_not(axis: int) -> None:
    assert not Concatenate(axis=axis).can_stream and Concatenate(axis=axis).looks_ahead


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "average", "maximum", "minimum", "concatenate"])
def test_the_function_is_a_call_of_the_layer(name: str) -> None:
    a, b = X, X[::-1].copy()
    kind = getattr(engine, name.capitalize())
    np.testing.assert_array_equal(getattr(engine.layers, name)([a, b]), kind()([a, b]))
    assert getattr(engine.layers, name)([Input(MOVIE), Input(MOVIE)], name="mine").name == "mine"


def test_concatenate_takes_its_axis_as_keras_does() -> None:
    np.testing.assert_allclose(engine.layers.concatenate([X, X], axis=1), np.concatenate([X, X], axis=1))


@pytest.mark.parametrize(
    ("layer", "shapes", "out"),
    [
        (Add(), [(None, 4, 5, 3), (7, 4, 1, 3)], (7, 4, 5, 3)),
        (Add(), [(None, 4, 5, 3), (3,)], (None, 4, 5, 3)),
        (Add(), [(None, 3), (1, 3)], (None, 3)),
        (Concatenate(), [(None, 4, None, 3), (6, None, None, 2)], (6, 4, None, 5)),
        (Concatenate(1), [(None, 3), (6, 3)], (None, 3)),
    ],
)
def test_sizes_that_are_not_known(layer: Layer, shapes: Any, out: Any) -> None:
    assert layer.output_shapes(shapes) == [out]


@pytest.mark.parametrize(
    ("says", "layer", "shapes"),
    [
        ("add: expected inputs of one shape, or that broadcast to one", Add(), [(3, 4), (2, 4)]),
        ("add: expected at least one input", Add(), []),
        ("subtract: expected two inputs, got 3", Subtract(), [(3,)] * 3),
        ("concatenate: expected inputs that differ along axis -1 only", Concatenate(), [(3, 4), (2, 4)]),
        ("concatenate: expected inputs of one rank with an axis -1", Concatenate(), [(3, 4), (4,)]),
        ("concatenate: expected inputs of one rank with an axis 3", Concatenate(3), [(3, 4), (3, 4)]),
        ("concatenate: expected at least one input", Concatenate(), []),
    ],
)
def test_inputs_that_do_not_fit_are_refused(says: str, layer: Layer, shapes: Any) -> None:
    with pytest.raises(ValueError, match=says):
        layer.output_shapes(shapes)


@pytest.mark.parametrize("axis", [0, -5, 5, 1.5])
def test_an_axis_that_no_input_has_is_refused(axis: Any) -> None:
    with pytest.raises(ValueError, match="axis: expected"):
        Concatenate(axis)


@pytest.mark.parametrize("back", [".keras", ".h5", ".safetensors"])
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_file_of_keras_predicts_what_keras_predicted(suffix: str, back: str, tmp_path: Path) -> None:
    with np.load(FIXTURES / "keras_shapes.npz", allow_pickle=False) as kept:
        x, prediction = kept["network/x"], kept["merges/prediction"]
    network = engine.load_model(FIXTURES / f"keras_merges{suffix}", device="reference")
    np.testing.assert_allclose(network.predict(x), prediction, atol=1e-6)
    network.save(tmp_path / f"back{back}")
    again = engine.load_model(tmp_path / f"back{back}", device="reference")
    assert again.get_config() == network.get_config()
    np.testing.assert_array_equal(again.predict(x), network.predict(x))


def graph_of_keras_1(**merge: Any) -> dict[str, Any]:
    """Two inputs and a Merge, as Keras 1 writes a Model."""
    inputs = [
        {"class_name": "InputLayer", "name": name, "inbound_nodes": [],
         "config": {"name": name, "batch_input_shape": [None, 4, 5, 3], "input_dtype": "float32", "sparse": False}}
        for name in ("a", "b")
    ]  # fmt: skip
    unread = {"mode_type": "raw", "dot_axes": -1, "output_shape": None, "output_shape_type": "raw", "arguments": {}}
    entry = {
        "class_name": "Merge",
        "name": "merge_1",
        "config": {"name": "merge_1", "concat_axis": -1, "output_mask": None, "output_mask_type": "raw"}
        | unread
        | merge,
        "inbound_nodes": [[["a", 0, 0], ["b", 0, 0]]],
    }
    ends = {"input_layers": [["a", 0, 0], ["b", 0, 0]], "output_layers": [["merge_1", 0, 0]]}
    return {"class_name": "Model", "config": {"name": "model_1", "layers": [*inputs, entry], **ends}}


@pytest.mark.parametrize(
    ("mode", "axis", "kind"),
    [
        ("sum", -1, Add),
        ("mul", -1, Multiply),
        ("ave", -1, Average),
        ("max", -1, Maximum),
        ("concat", 2, Concatenate),
    ],
)
def test_a_merge_of_keras_1_is_the_layer_that_its_mode_names(mode: str, axis: int, kind: type[Layer]) -> None:
    graph = read_architecture(graph_of_keras_1(mode=mode, concat_axis=axis), keras=1).graph
    merge = graph.calls[-1].layer
    assert type(merge) is kind and merge.name == "merge_1"
    assert getattr(merge, "axis", -1) == axis


@pytest.mark.parametrize("given", [{"mode": "dot"}, {"mode": "cos"}, {"mode": "sum", "layers": []}, {"mode": None}])
def test_other_merges_of_keras_1_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="layer 'merge_1': a Merge of tensors is offered, in one of the modes sum"):
        read_architecture(graph_of_keras_1(**given), keras=1)
