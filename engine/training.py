"""What fit does around the loop: it turns arguments into batches, calls callbacks and shows progress."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.batch_sources import (
    ArraySource,
    BatchSource,
    IterableSource,
    Triple,
    checked_weights,
    is_batches,
    is_indexed,
)
from engine.callbacks import CallbackList, History, TerminateOnNaN
from engine.evaluation import VERBOSE, Verbose
from engine.fit import EpochDone, FitLoop, StepDone
from engine.progress import Progress
from engine.validation import in_range, one_of, positive_int

if TYPE_CHECKING:
    from engine.sequential import Sequential

Array = np.ndarray[Any, Any]

DEFAULT_BATCH_SIZE = 32


def fit(
    network: "Sequential",
    x: Any,
    y: Array | None,
    *,
    batch_size: int | None,
    epochs: int,
    verbose: Verbose,
    callbacks: Any,
    validation_split: float,
    validation_data: Any,
    shuffle: bool,
    class_weight: Any,
    sample_weight: Array | None,
    initial_epoch: int,
    steps_per_epoch: int | None,
    validation_steps: int | None,
    validation_batch_size: int | None,
    validation_freq: int | Sequence[int],
) -> History:
    """See Sequential.fit."""
    one_of("verbose", verbose, VERBOSE)
    epochs = positive_int("epochs", epochs)
    initial_epoch = int(in_range("initial_epoch", initial_epoch, 0, epochs))
    if isinstance(validation_freq, int):
        positive_int("validation_freq", validation_freq)
    given = as_callbacks(callbacks)
    if class_weight is not None:
        _refuse_class_weight()
    if validation_split and validation_data is None:
        x, y, sample_weight, validation_data = _split(network, x, y, sample_weight, validation_split)

    source_of = BatchMaker(network)
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
                progress.epoch(EpochDone(event.epoch, logs))
    called.on_train_end(logs)
    return history


class BatchMaker:
    """Checks what a caller gave as data, and makes batches of it; builds the network in between."""

    def __init__(self, network: "Sequential") -> None:
        self._network = network

    def checked(
        self, name: str, x: Any, y: Any, weights: Any, batch_size: int | None, steps: int | None, runs: int
    ) -> Triple | Any:
        """Arrays as a checked Triple; anything else that gives batches as it is, but for a first batch looked at.

        runs: how many times all batches will be asked for.
        """
        argument = "validation_steps" if name == "validation_data" else "steps_per_epoch"
        if steps is not None:
            positive_int(argument, steps)
        if batch_size is not None:
            positive_int("batch_size", batch_size)
        if not is_batches(x):
            if steps is not None:
                raise ValueError(f"{argument}: it is for batches that are iterated; with arrays batch_size says it all")
            return self._checked_arrays(name, x, y, weights)
        for other, value in (("y", y), ("sample_weight", weights), ("batch_size", batch_size)):
            if value is not None and name == "x":
                raise ValueError(f"{other}: x gives batches (x, y) or (x, y, sample_weight) already; pass {other}=None")
        if isinstance(x, Iterator) and steps is None and runs > 1:
            raise ValueError(f"{name}: an iterator ends after one epoch; pass {argument}, or something iterable anew")
        if self._network.input_shape is None:
            first, x = _peek(name, x)
            self._network.build(self.triple(first)[0].shape[1:])
        return x

    def checked_validation(self, data: Any, steps: int | None) -> Triple | Any:
        """validation_data: (x, y), (x, y, sample_weight), or what gives batches."""
        if isinstance(data, tuple | list) and len(data) in (2, 3) and not is_batches(data):
            x, y, weights = (*data, None)[:3]
            return self.checked("validation_data", x, y, weights, None, steps, 2)
        if not is_batches(data):
            raise ValueError("validation_data: expected (x, y), (x, y, sample_weight), or an iterable of such batches")
        return self.checked("validation_data", data, None, None, None, steps, 2)

    def triple(self, item: Any) -> Triple:
        """A batch that was handed over, checked."""
        if not isinstance(item, tuple | list) or len(item) not in (2, 3):
            raise ValueError(f"x: expected batches (x, y) or (x, y, sample_weight), got {type(item).__name__}")
        return self._checked_arrays("x", item[0], item[1], item[2] if len(item) == 3 else None)

    def __call__(
        self,
        data: Triple | Any,
        batch_size: int | None,
        steps: int | None,
        shuffle: bool = False,
        onwards: bool = True,
    ) -> BatchSource:
        """The batches of what `checked` returned."""
        is_triple = isinstance(data, tuple) and not is_batches(data)
        self._network.build(data[0].shape[1:] if is_triple else None)
        backend, seed = self._network.backend, self._network.draw_seed() if shuffle else 0
        if is_triple:
            return ArraySource(backend, data, batch_size or DEFAULT_BATCH_SIZE, shuffle, seed)
        return IterableSource(backend, data, self.triple, steps, shuffle, seed, onwards)

    def _checked_arrays(self, name: str, x: Any, y: Any, weights: Any) -> Triple:
        names = ("x", "y") if name == "x" else (f"{name}[0]", f"{name}[1]")
        if y is None:
            raise ValueError(f"{names[1]}: expected targets, got None")
        x, y = self._network.checked_pair(x, y, names)
        return x, y, checked_weights("sample_weight" if name == "x" else f"{name}[2]", weights, y)


def _split(network: "Sequential", x: Any, y: Any, weights: Any, share: float) -> tuple[Array, Array, Array | None, Any]:
    """Hold out the last rows: x, y, weights to train on, and the validation data."""
    split = in_range("validation_split", share, 0.0, 1.0)
    if is_batches(x):
        raise ValueError("validation_split: it is for arrays; give batches to validate on as validation_data")
    x, y = network.checked_pair(x, y)
    kept = int(len(x) * (1.0 - split))
    if not 0 < kept < len(x):
        raise ValueError(
            f"validation_split: {split} of {len(x)} movies leaves {kept} to train on and {len(x) - kept} to "
            "validate on; both must be at least 1"
        )
    weights = checked_weights("sample_weight", weights, y)
    if weights is None:
        return x[:kept], y[:kept], None, (x[kept:], y[kept:])
    return x[:kept], y[:kept], weights[:kept], (x[kept:], y[kept:], weights[kept:])


def _peek(name: str, batches: Any) -> tuple[Any, Any]:
    """The first batch, and something that still gives all of them."""
    if is_indexed(batches):
        if not len(batches):
            raise ValueError(f"{name}: expected at least one batch, got none")
        return batches[0], batches
    running = iter(batches)
    try:
        first = next(running)
    except StopIteration:
        raise ValueError(f"{name}: expected at least one batch, got none") from None
    return first, chain([first], running) if running is batches else batches


def as_callbacks(callbacks: Any) -> list[Any]:
    """None, one callback or several, as a list."""
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, Iterable) else [callbacks]


def _refuse_class_weight() -> None:
    raise ValueError(
        "class_weight: it weighs samples by their class, and the target of a movie has one for every pixel (Keras "
        "refuses it too); pass one for each pixel: sample_weight=np.where(y[..., 0] > 0.5, weight_of_1, weight_of_0)"
    )
