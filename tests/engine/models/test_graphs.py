"""Models as graphs: skips, shared layers, models in models, several inputs and outputs, dicts, states, call()."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine
from engine import (
    SGD,
    Add,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Conv3D,
    ConvLSTM2D,
    Dense,
    Flatten,
    Input,
    Model,
    Sequential,
    TimeDistributed,
)
from export import OnnxNetwork
from tests.kernels.directional import check_direction
from tests.simulated import simulate_device

Array = np.ndarray[Any, Any]
MOVIE = (3, 4, 5, 1)
"""Frames, height, width, channels."""


def convolution(filters: int, **arguments: Any) -> ConvLSTM2D:
    return ConvLSTM2D(filters, 3, padding="same", recurrent_activation="sigmoid", **arguments)


def skip(device: str) -> Model:
    """A layer used twice, whose first output is read twice; links between a ConvLSTM2D and a BatchNormalization."""
    x = Input(MOVIE)
    shared = Conv3D(2, (1, 3, 3), padding="same", activation="tanh")
    first = shared(Concatenate()([x, x]))
    h = BatchNormalization()(convolution(2, return_sequences=True)(first))
    return Model(x, Conv3D(1, 1)(Add()([shared(h), first])), device=device, dtype="float64", seed=3)


def nested(device: str) -> Model:
    """A model in a model, used twice, and a Sequential on every frame."""
    inner = Sequential([convolution(2, return_sequences=True, input_shape=MOVIE), Conv3D(1, 1)])
    head = Sequential([Conv2D(2, 2, activation="tanh"), Flatten(), Dense(2)])
    x = Input(MOVIE)
    return Model(x, TimeDistributed(head)(inner(inner(x))), device=device, dtype="float64", seed=4)


def states(device: str) -> Model:
    """An encoder whose states begin a forecaster, and a third layer that adds to their gradients."""
    seen, given = Input(MOVIE, name="seen"), Input(MOVIE, name="given")
    y, h, c = convolution(2, return_state=True)(seen)
    frames = convolution(2, return_sequences=True)(given, initial_state=[h, c])
    again = convolution(2)(given, initial_state=[y, c])
    return Model([seen, given], [Conv3D(1, 1)(frames), again], device=device, dtype="float64", seed=5)


def named(device: str) -> Model:
    """Two inputs and two outputs by name, one of them a layer of the other's way."""
    left, right = Input(MOVIE, name="left"), Input(MOVIE, name="right")
    first = Conv3D(2, 1, activation="tanh", name="first")(left)
    second = Dense(1, name="second")(Add()([first, Conv3D(2, 3, padding="same")(right)]))
    return Model({"left": left, "right": right}, {"one": first, "two": second}, device=device, dtype="float64", seed=6)


GRAPHS: dict[str, Callable[[str], Model]] = {each.__name__: each for each in (skip, nested, states, named)}


def data(model: Model, seed: int = 0) -> tuple[Any, Any]:
    """Inputs and targets as the model takes them."""
    random = np.random.default_rng(seed)
    inputs = [random.standard_normal((2, *MOVIE)) for _ in model.graph.input_names]
    shapes = model.graph.output_shapes([MOVIE] * len(inputs))
    targets = [random.standard_normal((2, *(int(size or 0) for size in shape))) for shape in shapes]
    if model.graph.output_keys:
        names = model.graph.input_names, model.graph.output_names
        return dict(zip(names[0], inputs, strict=True)), dict(zip(names[1], targets, strict=True))
    return (inputs if len(inputs) > 1 else inputs[0]), (targets if len(targets) > 1 else targets[0])


def made(name: str, device: str = "reference") -> Model:
    model = GRAPHS[name](device)
    outputs = model.graph.output_names
    weights = {"one": 0.5, "two": 2.0} if name == "named" else [0.7, 1.3] if len(outputs) > 1 else None
    model.compile(optimizer=SGD(0.1), loss="mse", loss_weights=weights)
    return model


def flat(value: Any) -> list[Array]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else [value]


@pytest.mark.parametrize("name", GRAPHS)
def test_gradients_are_the_numeric_ones(name: str) -> None:
    model = made(name)
    x, y = data(model)
    gradients = model.loss_and_gradients(x, y)[1]
    assert set(gradients) == {weight for weight, each in model.graph.named_weights if each.has_gradient}
    for full, weight in model.graph.named_weights:
        if not weight.has_gradient:
            continue
        before = weight.to_host()

        def loss(value: Array, weight: Any = weight) -> float:
            weight.assign(value)
            return float(model.loss_and_gradients(x, y)[0])

        check_direction(loss, before, gradients[full], full)
        weight.assign(before)


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_back_ends_train_alike(name: str, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if device == "cuda":
        simulate_device(monkeypatch, checked=False)
    one = made(name)
    other = Model.from_config(one.get_config(), device=device, dtype="float64" if device == "cpu" else "float32")
    other.compile(optimizer=SGD(0.1), loss="mse", loss_weights=one.placement.objective.loss_weights)
    other.set_weights(one.get_weights())
    x, y = data(one)
    for _ in range(2):
        one.train_on_batch(x, y)
        other.train_on_batch(x, y)
    bound = 1e-9 if device == "cpu" else 1e-5
    for expected, actual in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=0, atol=bound)
    for expected, actual in zip(flat(one.predict(x)), flat(other.predict(x)), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=0, atol=bound)


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".safetensors"])
@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_comes_back_from_a_file(name: str, suffix: str, tmp_path: Path) -> None:
    model = made(name)
    x, y = data(model)
    model.train_on_batch(x, y)
    model.save(tmp_path / f"model{suffix}")
    again = engine.load_model(tmp_path / f"model{suffix}", device="reference")
    given = flat(x) if isinstance(x, dict) else x
    for actual, expected in zip(flat(again.predict(given)), flat(model.predict(x)), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12)
    assert again.optimizer is not None


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_goes_to_onnx_and_is_copied(name: str, tmp_path: Path) -> None:
    model = made(name)
    x, _ = data(model)
    predicted = flat(model.predict(x))
    for actual, expected in zip(flat(copy.deepcopy(model).predict(x)), predicted, strict=True):
        np.testing.assert_array_equal(actual, expected)
    model.export(tmp_path / "model.onnx", graph="sequence")
    inputs = [array.astype(np.float32) for array in flat(x)]
    found = OnnxNetwork(tmp_path / "model.onnx").predict(inputs if len(inputs) > 1 else inputs[0])
    for actual, expected in zip(flat(found), predicted, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-6)


def test_the_sum_of_losses_is_weighted() -> None:
    model = made("named")
    x, y = data(model)
    total, one, two = model.evaluate(x, y, verbose=0)
    assert total == pytest.approx(0.5 * one + 2.0 * two, rel=1e-12)
    assert model.metrics_names == ["loss", "one_loss", "two_loss"]
    history = model.fit(x, y, epochs=1, verbose=0).history
    assert history["loss"][0] == pytest.approx(total)


class Doubled(Model):
    """A model in the words of its call()."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.recurrent = convolution(2, return_sequences=True)
        self.head = Conv3D(1, 1)

    def call(self, x: Any, training: bool | None = None) -> Any:
        return self.head(Add()([self.recurrent(x), self.recurrent(x)]))


def test_a_subclass_is_traced_at_its_first_data() -> None:
    model = Doubled(device="reference", dtype="float64", seed=1)
    model.compile(optimizer="adam", loss="mse")
    x = np.random.default_rng(0).standard_normal((2, *MOVIE))
    first = model.train_on_batch(x, x)
    assert model.train_on_batch(x, x) < first
    recurrent, head = model.recurrent(x), model.head
    np.testing.assert_allclose(model.predict(x), head(2.0 * recurrent), atol=1e-12)


def test_a_layer_is_its_own_on_arrays_and_a_model_too() -> None:
    model = made("skip")
    x, _ = data(model)
    np.testing.assert_array_equal(model(x), model.predict(x))


@pytest.mark.parametrize(
    ("says", "make"),
    [
        ("inputs: the outputs depend on", lambda x: Model(Input(MOVIE), Conv3D(1, 1)(x))),
        ("inputs: expected what Input returned", lambda x: Model(Conv3D(1, 1)(x), Conv3D(1, 1)(x))),
        ("outputs: expected what layers returned", lambda x: Model(x, np.zeros(3))),
        ("two layers are called 'a'", lambda x: Model(x, Conv3D(1, 1, name="a")(Conv3D(1, 1, name="a")(x)))),
        ("differ along axis -1 only", lambda x: Concatenate()([x, Input((3, 4, 6, 1))])),
        ("initial_state: expected h of shape", lambda x: ConvLSTM2D(2, 3)(x, initial_state=[Input((4, 5, 2))] * 2)),
        ("return_state", lambda _: Sequential([Input(MOVIE), ConvLSTM2D(2, 3, return_state=True)]).build()),
        ("expected symbolic tensors, or arrays alone", lambda x: Add()([x, "no"])),
    ],
)
def test_what_is_no_graph_is_refused_by_name(says: str, make: Callable[[Any], Any]) -> None:
    with pytest.raises(ValueError, match=says):
        make(Input(MOVIE))
