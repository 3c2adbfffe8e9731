"""Files that are written beside training: their order, what fails, and that nobody leaves before them."""

import threading
from pathlib import Path

import numpy as np
import pytest

import engine
from engine.models.saving import model_writer
from engine.train.writing import MOST, WritingBeside


def test_they_are_written_in_order_and_before_the_end() -> None:
    written, told = [], []
    with WritingBeside(told.append) as files:
        for number in range(4 * MOST):
            files.ask(lambda number=number: written.append(number))
    assert written == list(range(4 * MOST)) and not told


def test_who_asks_does_not_wait_until_too_many_wait() -> None:
    gate, blocked = threading.Event(), threading.Event()

    def ask_for_one_more(files: WritingBeside) -> None:
        files.ask(lambda: None)
        blocked.set()

    with WritingBeside(lambda error: None) as files:
        for _ in range(MOST):
            files.ask(lambda: gate.wait(60) and None)
        more = threading.Thread(target=ask_for_one_more, args=(files,))
        more.start()
        assert not blocked.wait(0.2)
        gate.set()
        more.join()


def test_a_full_disk_is_told_and_the_next_file_is_written() -> None:
    told: list[OSError] = []
    written = []

    def full() -> None:
        raise OSError(28, "No space left on device")

    with WritingBeside(told.append) as files:
        files.ask(full)
        files.ask(lambda: written.append(1))
    assert [error.errno for error in told] == [28] and written == [1]


def test_any_other_error_is_raised_and_training_that_fails_leaves_its_files() -> None:
    with pytest.raises(ZeroDivisionError), WritingBeside(lambda error: None) as files:
        files.ask(lambda: print(1 / 0))
    written = []
    with pytest.raises(ArithmeticError, match="diverged"), WritingBeside(lambda error: None) as files:
        files.ask(lambda: written.append(1))
        raise ArithmeticError("diverged")
    assert written == [1]


def test_a_network_is_written_as_it_was(tmp_path: Path) -> None:
    network = engine.Sequential(device="reference", seed=3)
    network.add(engine.ConvLSTM2D(2, (3, 3), padding="same", return_sequences=True, input_shape=(None, 4, 5, 1)))
    network.build()
    before = network.get_weights()
    write = model_writer(network, tmp_path / "then.safetensors")
    network.set_weights([weight + 1 for weight in before])
    write()
    found = engine.load_model(tmp_path / "then.safetensors", device="reference").get_weights()
    for weight, wanted in zip(found, before, strict=True):
        np.testing.assert_array_equal(weight, wanted)
