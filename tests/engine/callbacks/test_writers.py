"""Callbacks that write files: logs, checkpoints, TensorBoard's events."""

import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboardX.proto import event_pb2

import engine
from engine import callbacks
from tests.engine.callbacks.fitted import Feed, fitted
from tests.engine.networks import seed_like


def rows(path: Path, separator: str = ",") -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file, delimiter=separator))


def test_csv_logger(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    network = fitted(callbacks.CSVLogger(path), epochs=2, validation_split=0.4)
    assert network.history is not None
    losses, val_losses = network.history.history["loss"], network.history.history["val_loss"]
    table = rows(path)
    assert table[0] == ["epoch", "loss", "val_loss"]
    assert [[float(cell) for cell in row] for row in table[1:]] == [[n, losses[n], val_losses[n]] for n in range(2)]
    fitted(callbacks.CSVLogger(path, append=True), epochs=4, initial_epoch=2, validation_split=0.4, network=network)
    assert [row[0] for row in rows(path)] == ["epoch", "0", "1", "2", "3"]
    fitted(callbacks.CSVLogger(path, separator=";"), epochs=1)
    assert rows(path, ";")[0] == ["epoch", "loss", "val_loss"] and rows(path, ";")[1][2] == "NA"


def test_model_checkpoint_of_every_epoch_and_of_the_best(tmp_path: Path) -> None:
    values = [3.0, 1.0, 2.0]
    every = callbacks.ModelCheckpoint(tmp_path / "deep" / "net.{epoch:02d}-{watched:.1f}.safetensors")
    best = callbacks.ModelCheckpoint(tmp_path / "best.safetensors", "watched", save_best_only=True, mode="min")
    kept: list[Any] = []
    keep = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(keep.model.get_weights()))
    fitted(Feed(watched=values), every, best, keep)
    names = sorted(path.name for path in (tmp_path / "deep").iterdir())
    assert names == ["net.01-3.0.safetensors", "net.02-1.0.safetensors", "net.03-2.0.safetensors"]
    for path, weights in ((tmp_path / "deep" / names[2], kept[2]), (tmp_path / "best.safetensors", kept[1])):
        loaded = engine.load_model(path, device="reference")
        for array, expected in zip(loaded.get_weights(), weights, strict=True):
            np.testing.assert_array_equal(array, expected)


@pytest.mark.filterwarnings("ignore:layer 'conv_lstm2d'. Keras 3 has another function")
def test_model_checkpoint_of_weights_and_of_batches(tmp_path: Path) -> None:
    weights = callbacks.ModelCheckpoint(tmp_path / "w.weights.h5", save_weights_only=True)
    batches = callbacks.ModelCheckpoint(tmp_path / "{epoch}-{batch}.safetensors", save_freq=2)
    network = fitted(weights, batches, epochs=2)
    assert sorted(path.name for path in tmp_path.glob("*.safetensors")) == [
        "1-2.safetensors", "2-1.safetensors", "2-3.safetensors",
    ]  # fmt: skip
    twin = seed_like("reference", seed=8)
    twin.load_weights(tmp_path / "w.weights.h5")
    for array, expected in zip(twin.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_allclose(array, expected, rtol=1e-14)


def test_tensorboard_writes_event_files(tmp_path: Path) -> None:
    network = fitted(callbacks.TensorBoard(tmp_path, update_freq="batch"), epochs=2, validation_split=0.4)
    assert network.history is not None
    train, validation = scalars(tmp_path / "train"), scalars(tmp_path / "validation")
    assert train["epoch_loss"] == pytest.approx(network.history.history["loss"])
    assert validation == {"epoch_loss": pytest.approx(network.history.history["val_loss"])}
    assert train["epoch_learning_rate"] == [1.0, 1.0] and len(train["batch_loss"]) == 4


def scalars(folder: Path) -> dict[str, list[float]]:
    """The scalars of the one event file in a folder."""
    (path,) = folder.iterdir()
    found: dict[str, list[float]] = {}
    content = path.read_bytes()
    while content:
        length = int.from_bytes(content[:8], "little")
        event = event_pb2.Event.FromString(content[12 : 12 + length])
        for value in event.summary.value:
            found.setdefault(value.tag, []).append(value.simple_value)
        content = content[12 + length + 4 :]
    return found


def test_tensorboard_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ValueError, match=r"pip install 'convlstm-engine\[tensorboard\]'"):
        callbacks.TensorBoard()
