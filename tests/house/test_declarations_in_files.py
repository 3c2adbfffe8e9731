"""Every declaration goes through every kind of model file: what a format forgot fails here by name."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine
from engine import Conv3D, ConvLSTM2D, FitLoop, Sequential, StepDone
from engine.files.checkpoint import load_checkpoint, save_checkpoint
from engine.losses import LOSSES
from engine.metrics import METRICS, get_metric
from engine.models.checkpoints import checkpoint_of, restore
from engine.optimizers import OPTIMIZERS
from engine.schedules import SCHEDULES
from kernels.activations import ACTIVATIONS, GATES
from tests.kernels.test_elementwise import WITH_PARAMETERS

SUFFIXES = (".safetensors", ".keras", ".h5")
HOLD_OPTIMIZER_STATE = (".keras", ".h5")
"""docs/keras.md: .safetensors holds the optimizer without its state, which a checkpoint has."""

UNKNOWN_METRICS = {"CSI", "Huber"}
"""Keras has no metric of these; its files say nothing of them, with a warning."""

UNKNOWN_TO_KERAS = {
    ("hard_sigmoid", ".keras"),
    ("hard_sigmoid_keras3", ".h5"),
    ("gelu_tanh", ".keras"),
    ("gelu_tanh", ".h5"),
}
"""Each Keras has one of the two hard sigmoids; as an activation, not a gate's, the other one is refused by name."""

X = np.random.default_rng(0).random((2, 3, 5, 4, 1), dtype=np.float32)

SCHEDULE_ARGUMENTS: dict[str, dict[str, Any]] = {
    "PiecewiseConstantDecay": {"boundaries": [2, 4], "values": [0.1, 0.01, 0.001]},
    "ExponentialDecay": {"initial_learning_rate": 0.1, "decay_steps": 5, "decay_rate": 0.5},
    "InverseTimeDecay": {"initial_learning_rate": 0.1, "decay_steps": 5, "decay_rate": 0.5},
}
"""Schedules that cannot be made of initial_learning_rate and decay_steps alone."""


def network(activation: str = "tanh", gates: str = "sigmoid", head: str = "sigmoid") -> Sequential:
    """A ConvLSTM2D and a head, not compiled."""
    recurrent = ConvLSTM2D(
        2, 3, padding="same", return_sequences=True, activation=activation, recurrent_activation=gates,
        input_shape=(None, 5, 4, 1),
    )  # fmt: skip
    return Sequential([recurrent, Conv3D(1, 1, activation=head)], device="reference", seed=1)


def trained_and_back(built: Sequential, path: Path, y: np.ndarray = X) -> Sequential:
    """Train, save and open: the same predictions, and next update where the file holds the optimizer's state."""
    built.fit(X, y, batch_size=1, verbose=0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*hard_sigmoid.*")
        built.save(path)
        loaded = engine.load_model(path, device="reference")
    np.testing.assert_allclose(loaded.predict(X), built.predict(X), rtol=1e-6, atol=1e-7)
    if path.suffix in HOLD_OPTIMIZER_STATE:
        check_next_update(loaded, built, y)
    return loaded


def check_next_update(loaded: Sequential, built: Sequential, y: np.ndarray = X) -> None:
    """One more update of both, from the same weights, slots and count, moves the weights alike."""
    assert loaded.optimizer is not None and built.optimizer is not None
    assert loaded.optimizer.iterations == built.optimizer.iterations == 2
    assert loaded.train_on_batch(X, y) == pytest.approx(built.train_on_batch(X, y), rel=1e-5)
    for was, now in zip(built.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_allclose(now, was, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_comes_back_and_goes_on(tmp_path: Path, name: str, suffix: str) -> None:
    built = network()
    built.compile(loss="mse", optimizer=OPTIMIZERS[name](learning_rate=0.05))
    loaded = trained_and_back(built, tmp_path / f"m{suffix}")
    assert loaded.optimizer is not None and loaded.optimizer.get_config() == built.optimizer.get_config()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_checkpoint_holds_an_optimizer_s_state(tmp_path: Path, name: str) -> None:
    built, other = network(), network()
    for one in (built, other):
        one.compile(loss="mse", optimizer=OPTIMIZERS[name](learning_rate=0.05))
        one.build()
    loop = FitLoop.on_arrays(built, X, X, batch_size=1, epochs=1)
    assert len([event for event in loop if isinstance(event, StepDone)]) == 2
    save_checkpoint(tmp_path / "c", checkpoint_of(built, loop, []))
    fresh = FitLoop.on_arrays(other, X, X, batch_size=1, epochs=1)
    restore(tmp_path / "c", load_checkpoint(tmp_path / "c"), other, fresh)
    check_next_update(other, built)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_comes_back_and_goes_on(tmp_path: Path, name: str, suffix: str) -> None:
    schedule = SCHEDULES[name](**SCHEDULE_ARGUMENTS.get(name, {"initial_learning_rate": 0.1, "decay_steps": 5}))
    built = network()
    built.compile(loss="mse", optimizer=engine.SGD(schedule))
    loaded = trained_and_back(built, tmp_path / f"m{suffix}")
    assert loaded.optimizer is not None and loaded.optimizer.get_config() == built.optimizer.get_config()


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_comes_back(tmp_path: Path, name: str, suffix: str) -> None:
    built = network()
    built.compile(loss=LOSSES[name](), optimizer=engine.SGD(0.05))
    y = np.zeros_like(X) if LOSSES[name]().classes else X
    assert trained_and_back(built, tmp_path / f"m{suffix}", y).loss == built.loss


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", (*METRICS, *LOSSES))
def test_a_metric_comes_back(tmp_path: Path, name: str, suffix: str) -> None:
    built = network()
    classes = not get_metric(name).fits(classes=False)
    loss = "sparse_categorical_crossentropy" if classes else "mse"
    built.compile(loss=loss, optimizer=engine.SGD(0.05), metrics=["acc" if name == "AutoAccuracy" else name])
    if suffix != ".safetensors" and name in UNKNOWN_METRICS:
        with pytest.warns(UserWarning, match=f"metrics: Keras has no {name}"):
            built.save(tmp_path / f"m{suffix}")
        return
    built.save(tmp_path / f"m{suffix}")
    loaded = engine.load_model(tmp_path / f"m{suffix}", device="reference")
    assert [metric.name for metric in loaded.metrics] == [metric.name for metric in built.metrics]
    y = np.zeros_like(X) if classes else X
    assert loaded.evaluate(X, y, verbose=0) == pytest.approx(built.evaluate(X, y, verbose=0))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", [*ACTIVATIONS, *WITH_PARAMETERS])
def test_an_activation_comes_back(tmp_path: Path, name: str, suffix: str) -> None:
    built = network(activation=name, gates=name if name in GATES else "sigmoid", head=name)
    built.compile(loss="mse", optimizer=engine.SGD(0.01))
    if (name, suffix) in UNKNOWN_TO_KERAS:
        with pytest.raises(ValueError, match=f"has no activation '{name}' by name"):
            built.save(tmp_path / f"m{suffix}")
        assert not list(tmp_path.iterdir())
        return
    loaded = trained_and_back(built, tmp_path / f"m{suffix}")
    assert loaded.get_config() == built.get_config()
