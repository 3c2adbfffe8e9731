"""Checkpoint files: what is refused, and what survives a disk that is full or a loss that diverges."""

import re
import resource
from pathlib import Path

import numpy as np
import pytest

from engine import Adadelta, BatchNormalization, Conv3D, ConvLSTM2D, FitLoop, Sequential
from engine.files.atomic import write_atomically
from engine.files.checkpoint import load_checkpoint, save_checkpoint
from engine.models.checkpoints import NonFiniteWeightsError, checkpoint_of, restore
from tests.engine.train.run_helpers import run, start, write_config

RANDOM = np.random.default_rng(2)
X, Y = RANDOM.random((5, 3, 6, 7, 1)), (RANDOM.random((5, 3, 6, 7, 1)) > 0.5).astype(float)


def training(filters: int = 2, batch_size: int = 2, learning_rate: float = 1.0) -> tuple[Sequential, FitLoop]:
    network = Sequential(device="reference", dtype="float64", seed=1)
    network.add(ConvLSTM2D(filters, (3, 3), padding="same", return_sequences=True, input_shape=(None, 6, 7, 1)))
    network.add(BatchNormalization())
    network.add(Conv3D(1, (1, 3, 3), padding="same", activation="sigmoid"))
    network.compile(loss="binary_crossentropy", optimizer=Adadelta(learning_rate))
    network.build()
    return network, FitLoop.on_arrays(network, X, Y, batch_size=batch_size, epochs=4, validation_data=(X, Y), seed=9)


@pytest.mark.quick
def test_resume_after_any_event_gives_the_same_bits(tmp_path: Path) -> None:
    network, loop = training()
    path, events = tmp_path / "c.safetensors", 0
    for events, _ in enumerate(loop, start=1):
        save_checkpoint(tmp_path / f"{events}.safetensors", checkpoint_of(network, loop, []))
    assert events == 4 * (3 + 1)
    for event in range(1, events, 3):
        resumed, resumed_loop = training()
        path = tmp_path / f"{event}.safetensors"
        restore(path, load_checkpoint(path), resumed, resumed_loop)
        for _ in resumed_loop:
            pass
        for name, array in network.state_arrays().items():
            np.testing.assert_array_equal(resumed.state_arrays()[name], array, err_msg=f"{name} from event {event}")


def test_truncated_and_foreign_checkpoints_touch_nothing(tmp_path: Path) -> None:
    network, loop = training()
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, checkpoint_of(network, loop, []))
    whole = path.read_bytes()
    for content in (b"", b"text", whole[:50], whole[: len(whole) // 2], whole[:-1]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"c\.safetensors: not a whole safetensors file"):
            load_checkpoint(path)
    network.save(path)
    with pytest.raises(ValueError, match="expected a checkpoint file, got a model file"):
        load_checkpoint(path)


@pytest.mark.parametrize("other", [{"filters": 3}, {"learning_rate": 0.5}, {"batch_size": 5}])
def test_a_checkpoint_of_another_training_is_refused_and_changes_nothing(tmp_path: Path, other: dict) -> None:
    network, loop = training()
    events = iter(loop)
    next(events)
    next(events)
    save_checkpoint(tmp_path / "c.safetensors", checkpoint_of(network, loop, []))
    stranger, stranger_loop = training(**other)
    before, state = stranger.state_arrays(), stranger_loop.state()
    with pytest.raises(ValueError, match=r"c\.safetensors"):
        restore(tmp_path / "c.safetensors", load_checkpoint(tmp_path / "c.safetensors"), stranger, stranger_loop)
    for name, array in before.items():
        np.testing.assert_array_equal(stranger.state_arrays()[name], array)
    assert stranger_loop.state() == state


def test_weights_that_are_not_finite_are_not_kept(tmp_path: Path) -> None:
    network, loop = training()
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, checkpoint_of(network, loop, []))
    good = path.read_bytes()
    weights = network.get_weights()
    weights[1][0, 0, 0, 0] = np.nan
    network.set_weights(weights)
    with pytest.raises(NonFiniteWeightsError, match="recurrent_kernel"):
        save_checkpoint(path, checkpoint_of(network, loop, []))
    assert path.read_bytes() == good


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.files.atomic.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new and longer")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_costs_new_checkpoints_but_not_the_last_good_one(tmp_path: Path) -> None:
    """A limit on the size of files stands in for the disk: what is written beyond it fails while it is written."""
    config = write_config(tmp_path)
    assert run("--config", config, "--epochs", 1, "--out", tmp_path / "run") == 0
    checkpoint = tmp_path / "run" / "checkpoint.safetensors"
    good = checkpoint.read_bytes()
    limit = len(good) // 2

    process = start(
        "--resume", tmp_path / "run", "--epochs", 2,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert f"not written: {checkpoint}: File too large; the version before stays" in errors
    last = errors.strip().splitlines()[-1]
    assert last.startswith(f"train: {tmp_path / 'run'}") and "File too large; the report is not whole" in last
    assert f"{checkpoint} holds epoch 2, after 0 of its steps; go on with: python -m engine.train --resume" in last
    assert "Traceback" not in errors
    assert checkpoint.read_bytes() == good
    assert not list((tmp_path / "run").glob("*.partial"))

    assert run("--resume", tmp_path / "run") == 0
    assert len(load_checkpoint(checkpoint).history) == 2


def test_divergence_names_the_step_and_keeps_the_last_good_checkpoint(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    movies = np.random.default_rng(0).random((16, 3, 8, 8, 1)).astype(np.float32)
    poisoned = movies.copy()
    poisoned[3] *= 3e38
    data = tmp_path / "poisoned.npz"
    np.savez(data, x=movies, y=poisoned)
    model = tmp_path / "linear.safetensors"
    network = Sequential(device="reference", seed=1)
    network.add(Conv3D(1, 3, padding="causal", input_shape=(None, None, None, 1)))
    network.save(model)
    unused = ("samples", "frames", "filters", "batch_norm_momentum", "head_kernel_size")
    config = write_config(tmp_path, "loss = 'mse'\ncheckpoint_every = 1", without=unused)
    with np.errstate(all="ignore"):
        assert run("--config", config, "--data", data, "--init", model, "--out", tmp_path / "run") == 1
    errors = capfd.readouterr().err.strip().splitlines()[-1]
    assert re.search(r"the loss became \S+ at step [2-6] \(epoch 1, batch [2-6] of 6\)", errors)
    assert "checkpoint.safetensors holds epoch 1" in errors
    arrays = load_checkpoint(tmp_path / "run" / "checkpoint.safetensors").arrays
    assert all(np.isfinite(array).all() for array in arrays.values())
    assert not (tmp_path / "run" / "model.safetensors").exists()
