"""Small networks do what real Keras did with them: predictions, losses, ten Adadelta steps, rollouts.

The fixtures and their keys are described in tests/fixtures/make_keras_fixtures.py, which made them.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine
from tests.paths import FIXTURES

Array = np.ndarray[Any, Any]

FILES = sorted(path for path in FIXTURES.glob("keras_*.npz") if not (FIXTURES / f"make_{path.stem}.py").exists())
"""Whole networks; what has a program of its own holds layers one by one."""

TOLERANCE = {"float64": 1e-9, "float32": 1e-5}


class Fixture:
    """One file: the network, and what Keras computed in one floating-point type."""

    def __init__(self, path: Path, dtype: str) -> None:
        with np.load(path, allow_pickle=False) as file:
            self._arrays = dict(file)
        self.config: dict[str, Any] = json.loads(str(self._arrays["config"]))
        self.dtype = dtype
        self.x, self.y = self._arrays["x"], self._arrays["y"]

    def keras(self, name: str) -> Array:
        """One result of the Keras run."""
        return self._arrays[f"{self.dtype}_{name}"]

    def has(self, name: str) -> bool:
        """Whether the Keras run has that result."""
        return f"{self.dtype}_{name}" in self._arrays

    def all(self, prefix: str) -> list[Array]:
        """The arrays prefix_000, prefix_001, ..."""
        return [self._arrays[key] for key in sorted(self._arrays) if key.startswith(f"{prefix}_0")]

    def network(self, device: str) -> engine.Sequential:
        """The network with its initial weights."""
        network = engine.Sequential(device=device, dtype=self.dtype)
        for number, layer in enumerate(self.config["layers"]):
            arguments = {key: value for key, value in layer.items() if key != "class_name"}
            if number == 0:
                arguments["input_shape"] = (None, *self.x.shape[2:])
            network.add(getattr(engine, layer["class_name"])(**arguments))
        network.compile(loss=self.config["loss"], optimizer=engine.Adadelta(**self.config["optimizer"]))
        network.set_weights(self.all("initial"))
        return network

    def train(self, network: engine.Sequential) -> list[float]:
        """The steps of the Keras run; returns their losses."""
        batches = self.config["batches"]
        losses = []
        for step in range(len(self.keras("losses"))):
            start, stop = batches[step % len(batches)]
            losses.append(network.train_on_batch(self.x[start:stop], self.y[start:stop]))
        return losses

    def close(self, actual: Any, expected: Any, what: str) -> None:
        """Equal to the tolerance of the floating-point type, absolute and relative."""
        tolerance = TOLERANCE[self.dtype]
        np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance, err_msg=what)


@pytest.fixture(params=FILES, ids=lambda path: path.stem.removeprefix("keras_"))
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture(params=["reference", "cpu"])
def device(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=sorted(TOLERANCE))
def fixture(path: Path, request: pytest.FixtureRequest) -> Fixture:
    return Fixture(path, request.param)


def test_the_fixtures_are_there() -> None:
    assert len(FILES) == 8


def test_inference_before_training(fixture: Fixture, device: str) -> None:
    network = fixture.network(device)
    fixture.close(network.predict(fixture.x), fixture.keras("prediction"), "prediction")
    fixture.close(network.evaluate(fixture.x, fixture.y), fixture.keras("evaluation"), "evaluation")


def test_ten_adadelta_steps(fixture: Fixture, device: str) -> None:
    network = fixture.network(device)
    fixture.close(fixture.train(network), fixture.keras("losses"), "losses")
    finals = fixture.all(f"{fixture.dtype}_final")
    for weight, before, final, keras_final in zip(
        network.weights, fixture.all("initial"), network.get_weights(), finals, strict=True
    ):
        fixture.close(final, keras_final, weight.name)
        unused = weight.name.endswith("recurrent_kernel") and fixture.x.shape[1] == 1
        assert unused or np.abs(keras_final - before).max() > 1e-4, f"{weight.name} was trained too little to tell"
    fixture.close(network.predict(fixture.x), fixture.keras("trained_prediction"), "trained prediction")


def test_adadelta_accumulators(path: Path, device: str) -> None:
    fixture = Fixture(path, "float64")
    network = fixture.network(device)
    fixture.train(network)
    state = network.state_arrays()
    for slot in ("accumulated_gradient", "accumulated_delta"):
        keras_slots = fixture.all(f"float64_{slot}")
        for weight, expected in zip(network.trainable_weights, keras_slots, strict=True):
            actual = state[f"optimizer/{slot}/{weight.name}"]
            np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-15, err_msg=f"{slot} of {weight.name}")


def test_rollout_equals_keras_predicting_the_growing_track(path: Path, device: str) -> None:
    for dtype in TOLERANCE:
        fixture = Fixture(path, dtype)
        if not fixture.has("rollout"):
            assert fixture.x.shape != fixture.y.shape
            continue
        network = fixture.network(device)
        network.set_weights(fixture.all(f"{dtype}_final"))
        expected = fixture.keras("rollout")
        frames = network.rollout(fixture.x[:, : fixture.config["rollout_track"]], n_frames=expected.shape[1])
        fixture.close(frames, expected, "rollout")
