"""Validate user data and turn it into batches; validation happens before any side effect."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from engine.fitting.batch_sources import (
    ArraySource,
    BatchSource,
    IterableSource,
    Triple,
    checked_weights,
    is_batches,
    is_indexed,
)
from engine.runtime.batch import DEFAULT_BATCH_SIZE
from engine.runtime.placement import Placement
from engine.support.validation import positive_int


class BatchMaker:
    """Validates user data, builds the network for it, and makes batches."""

    def __init__(self, placement: Placement) -> None:
        self._placement = placement

    def checked(
        self,
        name: str,
        x: Any,
        y: Any,
        weights: Any,
        batch_size: int | None,
        steps: int | None,
        runs: int,
        argument: str = "steps_per_epoch",
    ) -> Triple | Any:
        """Validate data: arrays become a Triple; what gives batches stays as it is, after a look at the first one.

        Args:
            runs: how many times all batches will be asked for.
            argument: what the caller calls `steps`.
        """
        if isinstance(x, str):
            raise ValueError(f"{name}: expected an array of movies, or batches of them, got {type(x).__name__}")
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
        if self._placement.graph.input_shape is None:
            first, x = _peek(name, x)
            self._placement.build_for(self.triple(first)[0][0].shape[1:])
        return x

    def checked_validation(self, data: Any, steps: int | None) -> Triple | Any:
        """Validate validation_data: (x, y), (x, y, sample_weight), or what gives batches."""
        several = len(self._placement.graph.input_names) > 1  # ([a, b], y) then looks like a list of batches
        if (
            isinstance(data, tuple | list)
            and len(data) in (2, 3)
            and ((several and isinstance(data, tuple)) or not is_batches(data))
        ):
            x, y, weights = (*data, None)[:3]
            return self.checked("validation_data", x, y, weights, None, steps, 2, "validation_steps")
        if not is_batches(data):
            raise ValueError("validation_data: expected (x, y), (x, y, sample_weight), or an iterable of such batches")
        return self.checked("validation_data", data, None, None, None, steps, 2, "validation_steps")

    def triple(self, item: Any) -> Triple:
        """Validate one batch (x, y) or (x, y, sample_weight)."""
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
        """Make batches of what `checked` returned."""
        is_triple = isinstance(data, Triple)  # of two inputs it would look like a batch
        computation = self._placement.build_for(data[0][0].shape[1:]) if is_triple else self._placement.build()
        backend, seed = computation.backend, self._placement.draw_seed() if shuffle else 0
        if is_triple:
            return ArraySource(backend, data, batch_size or DEFAULT_BATCH_SIZE, shuffle, seed)
        return IterableSource(backend, data, self.triple, steps, shuffle, seed, onwards)

    def _checked_arrays(self, name: str, x: Any, y: Any, weights: Any) -> Triple:
        names = ("x", "y") if name == "x" else (f"{name}[0]", f"{name}[1]")
        if y is None:
            raise ValueError(f"{names[1]}: expected targets, got None")
        checks = self._placement.checks
        inputs, targets = checks.pair(x, y, names)
        return Triple(
            inputs,
            targets,
            checked_weights(
                "sample_weight" if name == "x" else f"{name}[2]", weights, targets, self._placement.graph.output_names
            ),
        )


def _peek(name: str, batches: Any) -> tuple[Any, Any]:
    """Return the first batch, and an iterable that still gives all of them."""
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
