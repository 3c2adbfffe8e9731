"""The bar on a terminal, the lines elsewhere, and nothing."""

import io

import pytest

from engine.fitting.events import EpochDone, StepDone
from engine.fitting.progress import Progress


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_there_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.fitting.progress._BAR_SECONDS", 0.0)
    stream = _Terminal()
    with Progress(movies=4, epochs=2, stream=stream) as progress:
        for step in range(2):
            progress.step(StepDone(0, step, 2, step + 1, 2, lambda: 0.25))
        progress.epoch(EpochDone(0, {"loss": 0.25, "val_loss": 0.5}))
    shown = stream.getvalue()
    assert "\r" in shown
    for text in ("epoch 1/2", " 50%", "loss 0.2500", "movies/s", "left", "val_loss 0.5000"):
        assert text in shown


def test_nothing_is_shown_where_nothing_is_asked_for() -> None:
    stream = _Terminal()
    with Progress(movies=4, epochs=2, show=False, stream=stream) as progress:
        progress.step(StepDone(0, 0, 2, 1, 2, lambda: 1 / 0))
        progress.epoch(EpochDone(0, {"loss": 0.25}))
    assert stream.getvalue() == ""
