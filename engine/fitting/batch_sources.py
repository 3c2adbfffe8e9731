"""Where batches come from: arrays that lie on the device, or anything that can be iterated over."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from engine.graph.checks import Arrays, spread
from engine.runtime.batch import Batch, batch_sizes
from engine.support.validation import finite_movies, positive_int
from kernels import Backend
from kernels.arrays import Array, HostArray


class Triple(NamedTuple):
    """Movies for each input, targets and sample weights for each output, checked, on the host."""

    inputs: Arrays
    targets: Arrays
    weights: list[HostArray | None]


class BatchSource(ABC):
    """Batches, epoch after epoch.

    Attributes:
        steps: batches in an epoch; None where only the end of an epoch will tell.
        movies: movies in an epoch; None where only its end will tell.
    """

    steps: int | None
    movies: int | None

    @property
    def sizes(self) -> list[int]:
        """Movies in each batch of an epoch, as far as they are known before it."""
        return []

    @abstractmethod
    def epoch(self, number: int, first_step: int = 0) -> Iterator[Batch]:
        """Iterate over the batches of an epoch, from its step `first_step` on."""


class ArraySource(BatchSource):
    """Batches of arrays; the order of an epoch depends on (seed, epoch) alone.

    Args:
        backend: whose memory the arrays are copied to, once.
        triple: movies, targets and sample weights, checked.
        batch_size: the last batch of an epoch may be smaller.
        shuffle: draw a new order for each epoch.
        seed: of those orders.
    """

    def __init__(self, backend: Backend, triple: Triple, batch_size: int, shuffle: bool = False, seed: int = 0) -> None:
        with backend.lock:
            self._arrays = _on_device(backend, triple)
        self._batch_size = positive_int("batch_size", batch_size)
        self._shuffle, self.seed = shuffle, int(seed)
        self.movies: int = len(triple[0][0])
        self.steps: int = math.ceil(self.movies / self._batch_size)

    @property
    def sizes(self) -> list[int]:
        return batch_sizes(self.movies, self._batch_size)

    def epoch(self, number: int, first_step: int = 0) -> Iterator[Batch]:
        order = np.arange(self.movies)
        if self._shuffle:
            np.random.default_rng([self.seed, number]).shuffle(order)
        for step in range(first_step, self.steps):
            rows = order[step * self._batch_size : (step + 1) * self._batch_size]
            yield Batch(*self._arrays, rows)


class IterableSource(BatchSource):
    """Batches (x, y) or (x, y, sample_weight) that someone else makes, of any sizes.

    Args:
        backend: whose memory each batch is copied to.
        batches: a generator or iterator, gone through once; an iterable, started again when it ends; or an object with
            __len__ and __getitem__ (as keras.utils.Sequence and PyDataset), whose on_epoch_end is called if it has one.
        check: turns what comes into a Triple, or raises a ValueError.
        steps: batches in an epoch; None is all that there are.
        shuffle: draw a new order of the batches for each epoch; only with __len__ and __getitem__.
        seed: of those orders.
        onwards: an epoch of `steps` batches begins where the last one stopped; False: at the first batch again.
    """

    def __init__(
        self,
        backend: Backend,
        batches: Any,
        check: Callable[[Any], Triple],
        steps: int | None,
        shuffle: bool = False,
        seed: int = 0,
        onwards: bool = True,
    ) -> None:
        self._backend, self._batches, self._check = backend, batches, check
        self._goes_on = onwards
        self._indexed = is_indexed(batches)
        self._shuffle, self._seed = shuffle and self._indexed, int(seed)
        self.steps = len(batches) if steps is None and self._indexed else steps
        self.movies = None
        self._running: Iterator[Any] | None = None

    def epoch(self, number: int, first_step: int = 0) -> Iterator[Batch]:
        if self._indexed:
            given = self._by_index(number)
        elif self.steps is None or not self._goes_on:
            given = iter(self._batches)
        else:
            given = self._onwards()
        for step, item in enumerate(given):
            if step >= first_step:
                yield self._on_device(item)
            if step + 1 == self.steps:
                break
        if self._indexed and hasattr(self._batches, "on_epoch_end"):
            self._batches.on_epoch_end()

    def _by_index(self, number: int) -> Iterator[Any]:
        order = np.arange(len(self._batches))
        if self._shuffle:
            np.random.default_rng([self._seed, number]).shuffle(order)
        return (self._batches[int(index)] for index in order)

    def _onwards(self) -> Iterator[Any]:
        """Go on where the last epoch stopped; batches that can be iterated anew start again at their end."""
        fresh = self._running is None
        if self._running is None:
            self._running = iter(self._batches)
        while True:
            given = 0
            for item in self._running:
                given += 1
                yield item
            if self._running is self._batches or (fresh and not given):
                return
            self._running, fresh = iter(self._batches), True

    def _on_device(self, item: Any) -> Batch:
        return batch_on_device(self._backend, self._check(item))


def triple_of(x: HostArray | Arrays, y: HostArray | Arrays) -> Triple:
    """Checked arrays, or lists of them, as a Triple without weights."""
    inputs, targets = (value if isinstance(value, list) else [value] for value in (x, y))
    return Triple(inputs, targets, [None] * len(targets))


def batch_on_device(backend: Backend, triple: Triple) -> Batch:
    """All movies of some checked arrays as one batch."""
    with backend.lock:
        return Batch(*_on_device(backend, triple), np.arange(len(triple[0][0])))


def _on_device(
    backend: Backend, triple: Triple
) -> tuple[tuple[Array, ...], tuple[Array, ...], tuple[Array | None, ...]]:
    x, y, weights = triple
    move = backend.from_host
    moved = tuple(None if each is None else move(each) for each in weights)
    return tuple(map(move, x)), tuple(map(move, y)), moved


def is_indexed(batches: Any) -> bool:
    """Whether batches are asked for by number: keras.utils.Sequence, PyDataset, a list."""
    return hasattr(batches, "__len__") and hasattr(batches, "__getitem__")


def is_batches(x: Any) -> bool:
    """Whether x gives batches one by one, in place of being an array of movies."""
    if isinstance(x, np.ndarray | Mapping) or hasattr(x, "__array__"):
        return False
    if isinstance(x, list | tuple):
        return len(x) > 0 and isinstance(x[0], list | tuple) and len(x[0]) in (2, 3) and _is_data(x[0][0])
    return is_indexed(x) or hasattr(x, "__iter__")


def _is_data(value: Any) -> bool:
    """Whether a value is the data of a batch: an array, or several."""
    if isinstance(value, Mapping):
        return True
    return hasattr(value, "shape") or (isinstance(value, list | tuple) and np.ndim(value) >= 4)


def checked_weights(name: str, weights: Any, targets: Arrays, outputs: Sequence[str]) -> list[HostArray | None]:
    """Validate sample weights for each output's targets (N,T,H,W,K); axes that they do not tell apart become ones.

    They may be (N,), a number for each movie; (N,T), for each frame; up to (N,T,H,W), for each pixel. One array serves
    all outputs; a list or dict has one, or None, for each.
    """
    if weights is None:
        return [None] * len(targets)
    if isinstance(weights, Mapping):
        weights = {**dict.fromkeys(outputs), **weights}
    several = isinstance(weights, Mapping) or (isinstance(weights, list | tuple) and len(outputs) > 1)
    given = spread(name, weights, outputs, "output") if several else [weights] * len(targets)
    return [None if each is None else _weights_of(name, each, y) for each, y in zip(given, targets, strict=True)]


def _weights_of(name: str, weights: Any, y: HostArray) -> HostArray:
    array = np.asarray(weights)
    if array.ndim == y.ndim and array.shape[-1] == 1:
        array = array[..., 0]
    if not 1 <= array.ndim < y.ndim or array.shape != y.shape[: array.ndim]:
        raise ValueError(
            f"{name}: expected shape {y.shape[:1]}, a number for each movie, or {y.shape[:2]} and so on up to "
            f"{y.shape[:-1]}, got {array.shape}"
        )
    array = finite_movies(name, array, rank=array.ndim).astype(np.float64)
    array = array.reshape(*array.shape, *(1,) * (y.ndim - array.ndim))
    frames = y.shape[1] if y.ndim == 5 else array.shape[1]
    return np.broadcast_to(array, (array.shape[0], frames, *array.shape[2:]))
