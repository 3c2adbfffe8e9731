"""Fit a network: validate the arguments, make batches, run the loop, call callbacks and show progress."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.callbacks import CallbackList, History, TerminateOnNaN
from engine.callbacks.callback_list import as_callbacks
from engine.fitting.batch_maker import BatchMaker
from engine.fitting.batch_sources import checked_weights, is_batches
from engine.fitting.events import StepDone
from engine.fitting.loop import FitLoop
from engine.fitting.progress import VERBOSE, Progress, Verbose
from engine.fitting.trainable import Trainable
from engine.graph.checks import check_one_batch_size
from engine.runtime.placement import Placement
from engine.support.validation import boolean, in_range, integer, one_of, positive_int
from kernels.arrays import HostArray


def fit(
    network: Trainable,
    x: Any,
    y: Any,
    *,
    batch_size: int | None,
    epochs: int,
    verbose: Verbose,
    callbacks: Any,
    validation_split: float,
    validation_data: Any,
    shuffle: bool,
    class_weight: Any,
    sample_weight: Any,
    initial_epoch: int,
    steps_per_epoch: int | None,
    validation_steps: int | None,
    validation_batch_size: int | None,
    validation_freq: int | Sequence[int],
) -> History:
    """Train on data as Sequential.fit has it; returns the History."""
    one_of("verbose", verbose, VERBOSE)
    epochs = positive_int("epochs", epochs)
    if integer("initial_epoch", initial_epoch, 0) > epochs:
        raise ValueError(f"initial_epoch: expected at most epochs, {epochs}, got {initial_epoch}")
    boolean("shuffle", shuffle)
    if validation_batch_size is not None:
        positive_int("validation_batch_size", validation_batch_size)
    given = as_callbacks(callbacks)
    if class_weight is not None:
        _refuse_class_weight()
    if validation_split and validation_data is None:
        x, y, sample_weight, validation_data = _split(network.placement, x, y, sample_weight, validation_split)

    source_of = BatchMaker(network.placement)
    checked_validation = None
    if validation_data is not None:
        checked_validation = source_of.checked_validation(validation_data, validation_steps)
    runs = epochs - initial_epoch
    data = source_of.checked("x", x, y, sample_weight, batch_size, steps_per_epoch, runs)
    batches = source_of(data, batch_size, steps_per_epoch, shuffle=shuffle)
    validation = None
    if checked_validation is not None:
        size = validation_batch_size or batch_size
        validation = source_of(checked_validation, size, validation_steps, onwards=False)
    sources = [batches] if validation is None else [batches, validation]
    check_one_batch_size(network.placement.graph, [size for source in sources for size in source.sizes])

    history = next((callback for callback in given if isinstance(callback, History)), None) or History()
    everyone = [*given, *([] if history in given else [history])]
    params = {"epochs": epochs, "steps": batches.steps, "verbose": 1 if verbose == "auto" else verbose}
    called = CallbackList(everyone, network, params)
    network.history, network.stop_training = history, False
    loop = FitLoop(
        network, batches, epochs=epochs, validation=validation, validation_freq=validation_freq,
        initial_epoch=initial_epoch, callbacks=called,
        refuse_non_finite=not any(isinstance(callback, TerminateOnNaN) for callback in given),
    )  # fmt: skip
    seen = initial_epoch * (batches.movies or 0)
    logs: dict[str, float] | None = None
    called.on_train_begin()
    with Progress(batches.movies, epochs, verbose != 0, seen=seen, within_epochs=verbose != 2) as progress:
        for event in loop:
            if isinstance(event, StepDone):
                progress.step(event)
            else:
                logs = event.logs
                progress.epoch(event)
    called.on_train_end(logs)
    return history


def _split(placement: Placement, x: Any, y: Any, weights: Any, share: float) -> tuple[Any, Any, Any, Any]:
    """Hold out the last rows: x, y, weights to train on, and the validation data."""
    split = in_range("validation_split", share, 0.0, 1.0)
    if is_batches(x):
        raise ValueError("validation_split: it is for arrays; give batches to validate on as validation_data")
    inputs, targets = placement.checks.pair(x, y)
    movies = len(inputs[0])
    kept = int(movies * (1.0 - split))
    if not 0 < kept < movies:
        raise ValueError(
            f"validation_split: {split} of {movies} movies leaves {kept} to train on and {movies - kept} to "
            "validate on; both must be at least 1"
        )
    names = placement.graph.output_names
    of_outputs = checked_weights("sample_weight", weights, targets, names)
    several = len(names) > 1 or weights is None

    def cut(arrays: Sequence[HostArray | None], rows: slice) -> Any:
        found = [None if array is None else array[rows] for array in arrays]
        return found if len(found) > 1 else found[0]

    first, last = slice(0, kept), slice(kept, None)
    given = of_outputs if several else [np.asarray(weights)]
    data = [cut(arrays, first) for arrays in (inputs, targets, given)]
    held = [cut(arrays, last) for arrays in (inputs, targets, given)]
    if weights is None:
        return data[0], data[1], None, (held[0], held[1])
    return data[0], data[1], data[2], tuple(held)


def _refuse_class_weight() -> None:
    raise ValueError(
        "class_weight: it weighs samples by their class, and the target of a movie has one for every pixel (Keras "
        "refuses it too); pass one for each pixel: sample_weight=np.where(y[..., 0] > 0.5, weight_of_1, weight_of_0)"
    )
