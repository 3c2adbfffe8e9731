"""Evaluate a network: the loss and the metrics in inference mode."""

from collections.abc import Callable
from typing import Any

import numpy as np

from engine.callbacks.callback_list import CallbackList, as_callbacks
from engine.fitting.batch_maker import BatchMaker
from engine.fitting.batch_sources import BatchSource
from engine.fitting.progress import VERBOSE, Counter, Verbose
from engine.fitting.trainable import Trainable
from engine.graph.checks import check_one_batch_size
from engine.runtime.compiled import Computation
from engine.support.validation import one_of


def run(
    network: Trainable,
    x: Any,
    y: Any,
    *,
    batch_size: int | None,
    verbose: Verbose,
    sample_weight: Any,
    steps: int | None,
    callbacks: Any,
) -> dict[str, float]:
    """Evaluate data as Sequential.evaluate has it; returns the numbers by name."""
    one_of("verbose", verbose, VERBOSE)
    make = BatchMaker(network.placement)
    data = make.checked("x", x, y, sample_weight, batch_size, steps, runs=1, argument="steps")
    batches = make(data, batch_size, steps)
    check_one_batch_size(network.placement.graph, batches.sizes)
    counter = Counter("evaluate", batches.movies, verbose)
    called = CallbackList(as_callbacks(callbacks), network)
    found = evaluate(network.placement.computation, batches, called, counter.count)
    counter.close(found)
    return found


def evaluate(
    computation: Computation,
    batches: BatchSource,
    callbacks: CallbackList,
    count: Callable[[int], None] = lambda movies: None,
) -> dict[str, float]:
    """Measure batches: the objective's numbers by name, means over batches weighted by their numbers of movies.

    count: told the number of movies of each batch.
    """
    callbacks.on_test_begin()
    backend, objective = computation.backend, computation.objective
    values, sizes = [], []
    for batch in batches.epoch(0):
        with backend.lock:
            value = backend.zeros((objective.width,), np.float64)
        computation.evaluate(batch, value)
        values.append(value)
        sizes.append(batch.size)
        count(batch.size)
    if not values:
        raise ValueError("x: expected at least one batch, got none")
    with backend.lock:
        rows = np.stack([backend.to_host(value) for value in values])
    found = objective.results(rows, sizes)
    callbacks.on_test_end(found)
    return found


def as_keras_returns(found: dict[str, float], return_dict: bool) -> float | list[float] | dict[str, float]:
    """Arrange numbers by name as Keras returns them: a dict if asked for; else the loss, or a list with metrics."""
    if return_dict:
        return found
    return list(found.values()) if len(found) > 1 else found["loss"]
