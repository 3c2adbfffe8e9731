"""The engine records its steps as CUDA graphs: what it recorded never outlives what it was recorded for."""

import logging

import numpy as np
import pytest

from engine import Adadelta, AdamW, Sequential, schedules
from kernels.cuda import CudaBackend
from kernels.cuda.launch.launch import Graph
from kernels.cuda.simulator.runtime import SimRuntime
from tests.kernels.cuda.test_training import movies, small_network


@pytest.fixture
def networks(fast_simulated_device: None, monkeypatch: pytest.MonkeyPatch) -> tuple[Sequential, Sequential]:
    """One network twice: recorded and replayed, and launched kernel by kernel; accesses are checked elsewhere."""
    pair = []
    for value in ("1", "0"):
        monkeypatch.setenv("CONVLSTM_GRAPHS", value)
        network = small_network("cuda")
        network.build()
        assert isinstance(network.backend, CudaBackend) and network.backend.graphs == (value == "1")
        pair.append(network)
    return pair[0], pair[1]


def assert_equal_states(networks: tuple[Sequential, Sequential]) -> None:
    expected = networks[1].state_arrays()
    for name, array in networks[0].state_arrays().items():
        np.testing.assert_array_equal(array, expected[name], err_msg=name)


def test_batches_of_two_sizes_gradients_and_evaluation_between(networks: tuple[Sequential, Sequential]) -> None:
    x, y = movies()
    results = []
    for network in networks:
        seen: list[float] = []
        for step in range(6):
            rows = slice(0, 3 if step % 2 else 4)
            seen.append(network.train_on_batch(x[rows], y[rows]))
            loss, gradients = network.loss_and_gradients(x, y)
            seen += [loss, float(sum(np.abs(gradient).sum() for gradient in gradients.values()))]
            seen += [network.evaluate(x, y), float(network.predict(x).sum())]
        results.append(seen)
    assert results[0] == results[1]
    assert len(set(results[0][::5])) == 6, "nothing moved"
    assert_equal_states(networks)


def test_a_changed_rate_and_a_new_optimizer_take_effect(networks: tuple[Sequential, Sequential]) -> None:
    x, y = movies()
    for network in networks:
        for _ in range(3):
            network.train_on_batch(x, y)
        assert network.optimizer is not None
        network.optimizer.learning_rate = 0.0
        before = [weight.to_host() for weight in network.trainable_weights]
        network.train_on_batch(x, y)
        for was, weight in zip(before, network.trainable_weights, strict=True):
            np.testing.assert_array_equal(weight.to_host(), was, err_msg=weight.name)
        network.compile(loss="binary_crossentropy", optimizer=Adadelta(learning_rate=0.5))
        for _ in range(3):
            network.train_on_batch(x, y)
        network.compile(loss="binary_crossentropy", optimizer=network.optimizer)  # the same one, from zero again
        for _ in range(3):
            network.train_on_batch(x, y)
    assert_equal_states(networks)


def test_a_schedule_is_followed_without_recording_anew(
    networks: tuple[Sequential, Sequential], monkeypatch: pytest.MonkeyPatch
) -> None:
    captured: list[object] = []
    capture = SimRuntime.capture
    monkeypatch.setattr(SimRuntime, "capture", lambda runtime, body: captured.append(body) or capture(runtime, body))
    x, y = movies()
    for network in networks:
        rate = schedules.ExponentialDecay(0.02, decay_steps=1, decay_rate=0.5)
        network.compile(AdamW(rate, clipnorm=0.5, weight_decay=0.1), "mse", metrics=["mae"])
        losses = [network.train_on_batch(x, y, sample_weight=np.arange(len(x)))[0] for _ in range(5)]
        assert len(set(losses)) == 5
    assert_equal_states(networks)
    assert len(captured) == 1


@pytest.mark.usefixtures("simulated_device")
def test_a_device_that_cannot_record_is_told_of_and_trains(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(runtime: SimRuntime, body: object) -> Graph:
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(SimRuntime, "capture", refuse)
    x, y = movies()
    network = small_network("cuda")
    with caplog.at_level(logging.WARNING, "kernels.cuda"):
        losses = [network.train_on_batch(x, y) for _ in range(4)]
    assert losses[-1] < losses[0]
    assert len(caplog.records) == 1 and "not permitted" in caplog.text


def test_a_recorded_rollout_begins_anew_and_sees_new_weights(networks: tuple[Sequential, Sequential]) -> None:
    x, y = movies()
    rolled = []
    for network in networks:
        found = []
        for frames in (3, 1, 4):
            network.train_on_batch(x, y)
            found.append(network.rollout(x[:2, :frames], 5))
            again = network.rollout(x[:2, :frames], 5)
            np.testing.assert_array_equal(again, found[-1], err_msg=f"the same track of {frames} frames once more")
        rolled.append(found)
    for recorded, launched in zip(*rolled, strict=True):
        np.testing.assert_array_equal(recorded, launched)
        assert np.abs(np.diff(recorded, axis=1)).max() > 1e-4, "a still picture proves nothing"
