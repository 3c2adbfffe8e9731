"""Inference with a network: what it scores on batches, and what it predicts."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from engine.batch_sources import BatchSource
from engine.callbacks.callback_list import CallbackList
from engine.computation import Computation
from engine.objective import Objective
from engine.validation import one_of

if TYPE_CHECKING:
    pass

Verbose = int | str
VERBOSE = ("auto", 0, 1, 2)


def evaluate(
    computation: Computation,
    batches: BatchSource,
    objective: Objective,
    callbacks: CallbackList,
    count: Callable[[int], None] = lambda movies: None,
) -> dict[str, float]:
    """The objective's numbers by name: means over batches, weighted by their numbers of movies.

    count: told the number of movies of each batch.
    """
    callbacks.on_test_begin()
    backend, names = computation.backend, objective.names
    values, sizes = [], []
    for batch in batches.epoch(0):
        value = backend.zeros((len(names),), np.float64)
        computation.evaluate(batch, objective, value)
        values.append(value)
        sizes.append(batch.size)
        count(batch.size)
    if not values:
        raise ValueError("x: expected at least one batch, got none")
    rows = np.stack([backend.to_host(value) for value in values])
    weights = np.array(sizes, np.float64)
    found = dict(zip(names, (weights @ rows / weights.sum()).tolist(), strict=True))
    callbacks.on_test_end(found)
    return found


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
        """So many movies more are done."""
        self._seen += movies
        if self._bar is not None:
            self._bar.update(movies)

    def close(self, found: dict[str, float]) -> None:
        """All is done."""
        if self._bar is not None:
            self._bar.close()
        if self._line:
            numbers = "".join(f"  {name} {value:.4f}" for name, value in found.items())
            print(f"{self._title}: {self._seen} movies{numbers}", file=sys.stderr, flush=True)
