"""Callbacks: when they are called and with what, and what each of Keras' does."""

import math
from typing import Any

import numpy as np
import pytest

import engine
from engine import NonFiniteLossError, Sequential, callbacks
from engine.callbacks import Callback
from tests.engine.callbacks.fitted import Feed, X, Y, fitted
from tests.engine.networks import seed_like


class Recorder(Callback):
    def __init__(self) -> None:
        self.calls: list[Any] = []

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("on_") and "batch_" not in name.replace("train_batch", ""):
            calls = object.__getattribute__(self, "calls")
            return lambda *args, **kwargs: calls.append((name.removeprefix("on_"), *args[:-1]))
        return object.__getattribute__(self, name)


def test_the_order_of_calls() -> None:
    recorder = Recorder()
    recorder.on_train_batch_end = None  # an attribute of its own tells that it listens to batches
    fitted(recorder, epochs=2, validation_data=(X[:1], Y[:1]))
    one = [(f"train_batch_{end}", batch) for batch in range(3) for end in ("begin", "end")]
    test = [("test_begin",), ("test_end",)]
    epochs = [[("epoch_begin", n), *one, *test, ("epoch_end", n)] for n in range(2)]
    assert recorder.calls == [("train_begin",), *epochs[0], *epochs[1], ("train_end",)]
    assert recorder.params == {"epochs": 2, "steps": 3, "verbose": 0}
    assert isinstance(recorder.model, Sequential)


def test_batch_logs_are_means_so_far_under_either_name_of_the_hook() -> None:
    seen: dict[str, list[dict[str, float]]] = {"new": [], "old": []}

    class New(Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            seen["new"].append(dict(logs))

    class Old(Callback):
        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            seen["old"].append(dict(logs))

    network = fitted(New(), Old(), epochs=1, shuffle=False)
    assert seen["new"] == seen["old"] and len(seen["new"]) == 3
    assert network.history is not None and seen["new"][-1]["loss"] == network.history.history["loss"][0]
    by_hand = seed_like("reference")
    losses = [by_hand.train_on_batch(X[:2], Y[:2]), by_hand.train_on_batch(X[2:4], Y[2:4])]
    assert seen["new"][1]["loss"] == pytest.approx(np.mean(losses), rel=1e-12)


def test_stop_training_from_a_batch_ends_the_epoch_and_the_fit() -> None:
    class Stop(Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.stop_training = batch == 1

    network = fitted(Stop(), validation_data=(X[:1], Y[:1]))
    assert network.iterations == 2 and network.history is not None
    assert network.history.epoch == [0] and "val_loss" in network.history.history
    assert fitted(network=network, epochs=1).iterations == 5, "the next fit begins unstopped"


@pytest.mark.parametrize(
    ("values", "arguments", "epochs_run"),
    [
        ([5, 4, 3, 2, 1, 0], {}, 6),
        ([5, 4, 4, 3, 2, 1], {}, 3),
        ([5, 4, 4, 4, 3, 2], {"patience": 2}, 4),
        ([5, 4, 4, 3, 3, 2], {"patience": 2}, 6),
        ([5, 4.95, 4.9, 4, 3, 2], {"min_delta": 0.1}, 2),
        ([1, 2, 3, 3, 4, 5], {"mode": "max"}, 4),
        ([5, 4, 3, 2, 1, 0], {"baseline": 3, "patience": 3}, 6),
        ([5, 4.5, 4, 4, 4, 4], {"baseline": 3, "patience": 3}, 4),
        ([5, 6, 7, 6, 6, 5], {"start_from_epoch": 2}, 5),
    ],
)
def test_early_stopping(values: list[float], arguments: dict[str, Any], epochs_run: int) -> None:
    stopping = callbacks.EarlyStopping(**{"monitor": "watched", "mode": "min", **arguments})
    network = fitted(Feed(watched=values), stopping, epochs=6)
    assert network.history is not None and len(network.history.epoch) == epochs_run
    assert stopping.stopped_epoch == (epochs_run - 1 if epochs_run < 6 else 0)


def test_early_stopping_puts_the_best_weights_back(capsys: pytest.CaptureFixture[str]) -> None:
    kept: list[Any] = []
    keep = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(keep.model.get_weights()))
    stopping = callbacks.EarlyStopping("watched", patience=2, mode="min", restore_best_weights=True, verbose=1)
    network = fitted(Feed(watched=[3, 1, 2, 2, 0]), keep, stopping, epochs=5)
    assert stopping.best_epoch == 1 and "Epoch 4: early stopping" in capsys.readouterr().out
    for array, best, last in zip(network.get_weights(), kept[1], kept[-1], strict=True):
        np.testing.assert_array_equal(array, best)
        assert not np.array_equal(array, last)


def test_a_number_that_is_not_there_is_warned_of() -> None:
    with pytest.warns(UserWarning, match=r"EarlyStopping: there is no 'val_loss' in the logs, only loss"):
        fitted(callbacks.EarlyStopping(), epochs=1)


def test_the_direction_is_known_for_the_loss_and_compiled_metrics() -> None:
    network = seed_like("reference")
    network.compile("sgd", "mse", metrics=["accuracy", "mae"])
    for monitor, larger in (("val_accuracy", True), ("mae", False), ("val_loss", False)):
        stopping = callbacks.EarlyStopping(monitor)
        stopping.set_model(network)
        assert stopping.is_improvement(2.0, 1.0) == larger
    unknown = callbacks.EarlyStopping("psnr")
    unknown.set_model(network)
    with pytest.raises(ValueError, match=r"monitor: .* pass mode='min' or mode='max'"):
        unknown.is_improvement(2.0, 1.0)


def test_the_rate_falls_on_a_plateau() -> None:
    network = seed_like("reference")
    network.compile(engine.SGD(1.0), "mse")
    plateau = callbacks.ReduceLROnPlateau("watched", factor=0.5, patience=2, cooldown=1, min_lr=0.2, mode="min")
    values = [3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    fitted(Feed(watched=values), plateau, epochs=12, network=network)
    assert network.history is not None
    # reduced after the epochs 2, 4, 9: two epochs without an improvement each time, one of cooldown
    expected = [1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2, 0.2, 0.2, 0.2]
    assert network.history.history["learning_rate"] == expected


def test_a_scheduled_rate_trains_as_a_set_one() -> None:
    rates = [0.5, 0.25, 0.125]
    networks = [seed_like("reference") for _ in range(3)]
    for network in networks:
        network.compile(engine.SGD(1.0), "mse")
    fitted(callbacks.LearningRateScheduler(lambda epoch: rates[epoch]), network=networks[0], shuffle=False)
    fitted(callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2), network=networks[1], shuffle=False)
    for rate in rates:
        networks[2].optimizer.learning_rate = rate  # type: ignore[union-attr]
        fitted(network=networks[2], epochs=1, shuffle=False)
    assert networks[0].history is not None and networks[0].history.history["learning_rate"] == rates
    for other in networks[1:]:
        for one, twin in zip(networks[0].get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(one, twin)


def test_a_loss_that_is_no_number_ends_the_fit_or_is_an_error() -> None:
    def poisoned() -> Sequential:
        network = seed_like("reference")
        network.build((None, None, None, 1))
        network.weights[0].assign(np.full(network.weights[0].shape, np.nan))
        return network

    with pytest.raises(NonFiniteLossError):
        fitted(network=poisoned())
    network = fitted(callbacks.TerminateOnNaN(), network=poisoned())
    assert network.iterations == 1 and network.history is not None
    assert math.isnan(network.history.history["loss"][0])


@pytest.mark.parametrize(
    ("match", "build"),
    [
        ("mode: expected", lambda: callbacks.EarlyStopping(mode="up")),
        ("factor: expected", lambda: callbacks.ReduceLROnPlateau(factor=1.0)),
        ("schedule: expected", lambda: callbacks.LearningRateScheduler(0.1)),
        ("filepath: expected a name that ends in", lambda: callbacks.ModelCheckpoint("net.pt")),
        ("save_freq: expected", lambda: callbacks.ModelCheckpoint("net.keras", save_freq="batch")),
        ("hooks: expected one of", lambda: callbacks.LambdaCallback(on_epoch_ends=print)),
        ("filepath: .* asks for 'acc'", lambda: fitted(callbacks.ModelCheckpoint("{acc}.safetensors"), epochs=1)),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(match: str, build: Any) -> None:
    with pytest.raises(ValueError, match=match):
        build()


@pytest.mark.parametrize("freq", [np.int64(2), [2], (2,), np.array([2])])
def test_validation_after_some_epochs(freq: Any) -> None:
    network = seed_like("reference")
    network.compile(loss="mse", optimizer="sgd")
    history = network.fit(X, Y, epochs=3, validation_split=0.5, validation_freq=freq, verbose=0)
    assert len(history.history["val_loss"]) == 1


@pytest.mark.parametrize(
    ("match", "arguments"),
    [
        ("validation_freq: expected an integer", {"validation_freq": 1.5}),
        ("validation_freq: expected an integer", {"validation_freq": "a"}),
        ("validation_freq: expected an integer", {"validation_freq": 0}),
        ("validation_freq: expected an integer", {"validation_freq": [0]}),
        ("initial_epoch: expected an integer of at least 0", {"initial_epoch": 1.5}),
        ("initial_epoch: expected an integer of at least 0", {"initial_epoch": -1}),
    ],
)
def test_when_to_validate_and_to_begin_is_checked_before_an_epoch_is_run(match: str, arguments: dict[str, Any]) -> None:
    network = seed_like("reference")
    network.compile(loss="mse", optimizer="sgd")
    with pytest.raises(ValueError, match=match):
        network.fit(X, Y, epochs=2, validation_split=0.5, verbose=0, **arguments)
    assert network.iterations == 0
