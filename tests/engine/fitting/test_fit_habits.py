"""Losses, metrics and sample weights through compile, fit and evaluate: what real Keras 3 said of the same network.

The fixture is described in tests/fixtures/make_fit_habits.py, which made it.
"""

import json
from typing import Any

import numpy as np
import pytest

from engine import Conv3D, ConvLSTM2D, Sequential, losses, metrics, optimizers
from tests.engine.networks import movies, seed_like, targets
from tests.paths import FIXTURES

with np.load(FIXTURES / "fit_habits.npz", allow_pickle=False) as file:
    KERAS = dict(file)
CASES: list[dict[str, Any]] = json.loads(str(KERAS["cases"]))
METRICS = ["binary_accuracy", "mse", "mae", "binary_crossentropy"]
NAMES = ["loss", *METRICS]


def network_of(case: dict[str, Any], device: str) -> Sequential:
    network = Sequential(device=device, dtype="float64")
    shape = (None, *KERAS["x"].shape[2:])
    gates = "sigmoid"
    network.add(ConvLSTM2D(2, 3, padding="same", return_sequences=True, recurrent_activation=gates, input_shape=shape))
    network.add(Conv3D(2, (1, 3, 3), padding="same", activation=case["activation"]))
    network.compile(optimizer=optimizers.SGD(0.25), loss=case["loss"], metrics=METRICS)
    network.set_weights([KERAS[f"initial_{number}"] for number in range(5)])
    return network


def case_name(number: int) -> str:
    case = CASES[number]
    loss = case["loss"] if isinstance(case["loss"], str) else json.dumps(case["loss"]["config"])
    return f"{loss}-{case['activation']}{'-weighted' if case['weighted'] else ''}"


@pytest.mark.parametrize("device", ["reference", "cpu"])
@pytest.mark.parametrize("number", range(len(CASES)), ids=case_name)
def test_two_epochs_as_keras_ran_them(number: int, device: str) -> None:
    case, x, y = CASES[number], KERAS["x"], KERAS["y"]
    weights = KERAS["weights"] if case["weighted"] else None
    network = network_of(case, device)
    close = {"rtol": 1e-9, "atol": 1e-9}
    found = network.evaluate(x, y, sample_weight=weights, batch_size=2)
    np.testing.assert_allclose(found, KERAS[f"evaluate_{number:02d}"], **close)
    validation = (x[:2], y[:2]) if weights is None else (x[:2], y[:2], weights[:2])
    history = network.fit(
        x, y, batch_size=2, epochs=2, shuffle=False, verbose=0, sample_weight=weights, validation_data=validation
    ).history
    expected = KERAS[f"history_{number:02d}"]
    assert set(history) == {*NAMES, *(f"val_{name}" for name in NAMES)}
    ours = [history[name] for name in [*NAMES, *(f"val_{name}" for name in NAMES)]]
    np.testing.assert_allclose(ours, expected, **close)
    for index, weight in enumerate(network.get_weights()):
        np.testing.assert_allclose(weight, KERAS[f"final_{number:02d}_{index}"], **close)


def test_weights_of_movies_and_frames_are_those_of_their_pixels() -> None:
    x = movies(3)
    random = np.random.default_rng(0)
    for shape in ((3,), x.shape[:2], x.shape[:3]):
        weights = random.random(shape)
        every_pixel = np.broadcast_to(weights.reshape(*shape, *(1,) * (4 - len(shape))), x.shape[:4])
        found = [seed_like("reference").evaluate(x, targets(x), sample_weight=w) for w in (weights, every_pixel)]
        assert found[0] == pytest.approx(found[1], rel=1e-12)
        gradients = [seed_like("cpu").loss_and_gradients(x, targets(x), w)[1] for w in (weights, every_pixel)]
        for name, gradient in gradients[0].items():
            np.testing.assert_allclose(gradient, gradients[1][name], rtol=1e-9, atol=1e-15)


def test_a_weight_of_zero_takes_a_movie_out_of_training() -> None:
    x = movies(4)
    changed = x.copy()
    changed[2] = movies(1, seed=5)[0]
    runs = []
    for data in (x, changed):
        network = Sequential([Conv3D(1, 3, padding="same", activation="sigmoid")], device="reference", seed=1)
        network.compile("sgd", "mae")
        network.fit(data, targets(x), sample_weight=np.array([1.0, 2.0, 0.0, 1.0]), epochs=2, verbose=0, shuffle=False)
        runs.append(network.get_weights())
    for one, other in zip(*runs, strict=True):
        np.testing.assert_array_equal(one, other)


def test_validation_split_takes_sample_weights_along() -> None:
    x = movies(5)
    y = targets(x)
    random = np.random.default_rng(1)
    for weights in (random.random(5), random.random(x.shape[:4])):
        split, given = seed_like("reference"), seed_like("reference")
        arguments = {"epochs": 2, "batch_size": 2, "shuffle": False, "verbose": 0}
        by_split = split.fit(x, y, sample_weight=weights, validation_split=0.4, **arguments)
        held_out = x[3:], y[3:], weights[3:]
        by_data = given.fit(x[:3], y[:3], sample_weight=weights[:3], validation_data=held_out, **arguments)
        assert by_split.history == by_data.history


def test_frames_without_a_time_axis_are_weighted_too() -> None:
    """What a ConvLSTM2D with return_sequences=False gives is (N,H,W,F)."""
    x = movies(4)
    network = Sequential([ConvLSTM2D(3, 3, padding="same")], device="cpu", dtype="float64", seed=2)
    network.compile("sgd", "mae")
    y, weights = np.random.default_rng(0).random((4, 7, 6, 3)), np.random.default_rng(1).random((4, 7, 6))
    error = np.abs(network.predict(x) - y)
    for given, every_pixel in ((weights, weights), (weights[:, 0, 0], weights[:, :1, :1])):
        found = network.evaluate(x, y, batch_size=3, sample_weight=given)
        assert found == pytest.approx(np.mean(error * every_pixel[..., np.newaxis]), rel=1e-9)


def test_what_evaluate_returns() -> None:
    x = movies(3)
    plain, measured = seed_like("reference"), seed_like("reference")
    measured.compile(
        "adadelta", "binary_crossentropy", metrics=["mse", metrics.BinaryAccuracy(threshold=0.4), "accuracy"]
    )
    loss = plain.evaluate(x, targets(x))
    assert isinstance(loss, float)
    found = measured.evaluate(x, targets(x))
    assert isinstance(found, list) and found[0] == loss
    assert measured.metrics_names == ["loss", "mse", "binary_accuracy", "accuracy"]
    assert measured.evaluate(x, targets(x), return_dict=True) == dict(zip(measured.metrics_names, found, strict=True))
    p = measured.predict(x)
    assert found[1] == pytest.approx(np.mean((p - targets(x)) ** 2))
    assert found[2] == np.mean((p > 0.4) == (targets(x) == 1))
    assert measured.test_on_batch(x, targets(x)) == found
    assert measured.train_on_batch(x, targets(x), return_dict=True).keys() == set(measured.metrics_names)
    np.testing.assert_array_equal(measured.predict_on_batch(x), measured.predict(x))


def test_metrics_of_one_name_are_numbered() -> None:
    network = seed_like("reference")
    network.compile("sgd", "mse", metrics=["mae", "mae", "mse"])
    assert network.metrics_names == ["loss", "mae", "mae_1", "mse"]


def test_a_network_comes_back_from_its_configuration_with_loss_and_metrics() -> None:
    network = seed_like("reference")
    network.compile(optimizers.AdamW(clipnorm=1.0), losses.Huber(delta=0.5), metrics=["mae", "binary_accuracy"])
    config = json.loads(json.dumps(network.get_config()))
    twin = Sequential.from_config(config, device="reference")
    assert twin.get_config() == network.get_config()
    assert twin.loss == losses.Huber(delta=0.5) and twin.metrics == network.metrics


def test_two_sigmoids_are_warned_of() -> None:
    with pytest.warns(UserWarning, match="one sigmoid is applied, not two"):
        seed_like("reference").compile("sgd", losses.BinaryCrossentropy(from_logits=True))


X = movies(2)


@pytest.mark.parametrize(
    ("match", "call"),
    [
        ("loss: expected one of", lambda n: n.compile(loss="hinge")),
        ("loss: expected one of", lambda n: n.compile(loss=["mse", "mse"])),
        ("delta: expected a number above 0", lambda n: n.compile(loss=losses.Huber(delta=0))),
        ("label_smoothing: expected", lambda n: losses.BinaryCrossentropy(label_smoothing=2)),
        ("metrics: .*expected one of", lambda n: n.compile("sgd", "mse", metrics="hit")),
        ("weighted_metrics: sample weights", lambda n: n.compile("sgd", "mse", weighted_metrics=["mse"])),
        ("metrics: metric: expected one of 'binary_accuracy'", lambda n: n.compile("sgd", "mse", metrics=["aucs"])),
        ("class_weight: .* sample_weight=np.where", lambda n: n.fit(X, targets(X), class_weight={0: 1.0, 1: 2.0})),
        (r"sample_weight: expected shape \(2,\)", lambda n: n.fit(X, targets(X), sample_weight=np.ones(3))),
        ("sample_weight: expected finite", lambda n: n.fit(X, targets(X), sample_weight=np.array([1.0, np.nan]))),
        ("verbose: expected", lambda n: n.evaluate(X, targets(X), verbose=3)),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(match: str, call: Any) -> None:
    network = seed_like("reference")
    with pytest.raises(ValueError, match=match):
        call(network)
