"""How training shows itself: a bar on a terminal, plain lines anywhere else."""

import sys
import time
from types import TracebackType
from typing import TextIO

from tqdm import tqdm

from engine.fit import EpochDone, StepDone

_BAR_SECONDS = 0.2
_LINE_SECONDS = 10.0


class Progress:
    """Shows loss, movies a second and the time left.

    Args:
        movies: in an epoch.
        epochs: in all.
        show: False shows nothing.
        stream: where to; default standard error.

    The loss is read, which waits for the device, only when something is shown.
    """

    def __init__(self, movies: int, epochs: int, show: bool = True, stream: TextIO | None = None) -> None:
        self._movies, self._epochs, self._show = movies, epochs, show
        self._stream = sys.stderr if stream is None else stream
        self._on_terminal = self._stream.isatty()
        self._bar: tqdm | None = None
        self._began = self._epoch_began = self._shown = time.monotonic()
        self._seen = self._seen_in_all = 0

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close_bar()

    def step(self, done: StepDone) -> None:
        """Count a step in; show it if the last showing is long enough ago."""
        if not self._show:
            return
        self._seen = min(self._seen + done.batch_size, self._movies)
        self._seen_in_all += done.batch_size
        now = time.monotonic()
        if self._on_terminal:
            self._step_on_bar(done, now)
        elif now - self._shown >= _LINE_SECONDS:
            self._shown = now
            self._line(
                f"{self._title(done.epoch)}  step {done.step + 1}/{done.steps_per_epoch}  loss {done.loss:.4f}", now
            )

    def epoch(self, done: EpochDone) -> None:
        """Close an epoch with its losses."""
        if not self._show:
            return
        now = time.monotonic()
        losses = "  ".join(f"{name} {value:.4f}" for name, value in done.logs.items())
        if self._bar is not None:
            self._bar.set_postfix_str(losses, refresh=False)
            self._bar.n = self._movies
            self._close_bar()
        else:
            self._line(f"{self._title(done.epoch)}  {losses}", now)
        self._seen, self._epoch_began, self._shown = 0, now, now

    def _title(self, epoch: int) -> str:
        return f"epoch {epoch + 1}/{self._epochs}"

    def _step_on_bar(self, done: StepDone, now: float) -> None:
        if self._bar is None:
            self._bar = tqdm(
                total=self._movies, initial=0, desc=self._title(done.epoch), unit=" movies", file=self._stream,
                dynamic_ncols=True,
            )  # fmt: skip
        if now - self._shown >= _BAR_SECONDS or self._seen == self._movies:
            self._shown = now
            self._bar.set_postfix_str(f"loss {done.loss:.4f}", refresh=False)
            self._bar.n = self._seen
            self._bar.refresh()

    def _line(self, text: str, now: float) -> None:
        rate = self._seen_in_all / max(now - self._began, 1e-9)
        print(f"{text}  {rate:.1f} movies/s", file=self._stream, flush=True)

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
