"""Progress of training and inference: a bar on a terminal, plain lines anywhere else."""

import sys
import time
from types import TracebackType
from typing import TextIO

from tqdm import tqdm

from engine.fitting.events import EpochDone, StepDone
from engine.support.validation import one_of

Verbose = int | str
VERBOSE = ("auto", 0, 1, 2)

_BAR_SECONDS = 0.2
_LINE_SECONDS = 10.0
_BAR_FORMAT = "{percentage:3.0f}%|{bar}| {desc}"


class Progress:
    """Shows the loss, movies a second and the time left until the last epoch is done; a line for each epoch stays.

    Args:
        movies: in an epoch; None where they are not known, which leaves out the bar and the time left.
        epochs: in all.
        show: False shows nothing.
        within_epochs: False shows a line at the end of each epoch and nothing before.
        stream: where to; default standard error.
        seen: movies that were trained on before, in a run that is resumed.

    The loss is read, which waits for the device, only when something is shown. The first step, which may compile, is
    left out of the rate.
    """

    def __init__(
        self,
        movies: int | None,
        epochs: int,
        show: bool = True,
        stream: TextIO | None = None,
        seen: int = 0,
        within_epochs: bool = True,
    ) -> None:
        self._epochs, self._total, self._show = epochs, movies and movies * epochs, show
        self._within = show and within_epochs
        self._stream = sys.stderr if stream is None else stream
        self._seen = self._timed_from = seen
        self._began: float | None = None
        self._shown = time.monotonic()
        self._bar: tqdm | None = None
        if self._within and self._total is not None and self._stream.isatty():
            self._bar = tqdm(
                total=self._total, initial=seen, file=self._stream, bar_format=_BAR_FORMAT, dynamic_ncols=True,
                leave=False, desc="first step",
            )  # fmt: skip

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def step(self, done: StepDone) -> None:
        """Count a step in; show it if the last showing is long enough ago."""
        if not self._show:
            return
        now = time.monotonic()
        self._seen += done.batch_size
        if self._began is None:
            self._began, self._timed_from = now, self._seen
        title = f"epoch {done.epoch + 1}/{self._epochs}"
        if self._bar is not None and now - self._shown >= _BAR_SECONDS:
            self._shown = now
            self._bar.n = self._seen
            self._bar.set_description_str(f"{title}  loss {done.loss:.4f}{self._pace(now)}")
        elif self._bar is None and self._within and now - self._shown >= _LINE_SECONDS:
            self._shown = now
            step = f"step {done.step + 1}/{done.steps_per_epoch or '?'}"
            self.say(f"{title}  {step}  loss {done.loss:.4f}{self._pace(now)}")

    def epoch(self, done: EpochDone) -> None:
        """Close an epoch with its losses."""
        if not self._show:
            return
        now = self._shown = time.monotonic()
        if self._bar is not None:
            self._bar.n = self._seen
        losses = "  ".join(f"{name} {value:.4f}" for name, value in done.logs.items())
        self.say(f"epoch {done.epoch + 1}/{self._epochs}  {losses}{self._pace(now)}")

    def say(self, line: str) -> None:
        """Print a line that stays, above the bar if there is one."""
        if self._bar is not None:
            tqdm.write(line, file=self._stream)
        else:
            print(line, file=self._stream, flush=True)

    def _pace(self, now: float) -> str:
        timed = self._seen - self._timed_from
        if self._began is None or not timed:
            return ""
        rate = timed / max(now - self._began, 1e-9)
        left = "" if self._total is None else f"  {tqdm.format_interval((self._total - self._seen) / rate)} left"
        return f"  {rate:.1f} movies/s{left}"


class Counter:
    """Shows how far evaluate or predict has come; at its end a line with what it found.

    Args:
        title: "evaluate" or "predict".
        movies: in all; None where that is not known.
        verbose: 0 shows nothing, "auto" a bar on a terminal, 1 the bar and a line at the end, 2 the line.
    """

    def __init__(self, title: str, movies: int | None, verbose: Verbose) -> None:
        self._line = one_of("verbose", verbose, VERBOSE) in (1, 2)
        self._title, self._seen = title, 0
        bar = verbose in ("auto", 1) and movies is not None and sys.stderr.isatty()
        self._bar = tqdm(total=movies, desc=title, unit="movie", leave=False, file=sys.stderr) if bar else None

    def count(self, movies: int) -> None:
        """Count finished movies in."""
        self._seen += movies
        if self._bar is not None:
            self._bar.update(movies)

    def close(self, found: dict[str, float]) -> None:
        """Close the bar and print the line at the end."""
        if self._bar is not None:
            self._bar.close()
        if self._line:
            numbers = "".join(f"  {name} {value:.4f}" for name, value in found.items())
            print(f"{self._title}: {self._seen} movies{numbers}", file=sys.stderr, flush=True)
