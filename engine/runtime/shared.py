"""Sums of gradients: of values that several calls read, and of weights that several calls use."""

from collections import Counter
from collections.abc import Sequence

from engine.graph.graph import Graph, GraphCall
from kernels import Backend
from kernels.arrays import Array


class ValueGradients:
    """The gradients of a graph's values in a backward pass; what comes second is added to what came first.

    Memory for the sums is allocated here; a value that is read once needs none.

    Args:
        shapes: of the values' arrays, time-major.
    """

    def __init__(self, backend: Backend, graph: Graph, shapes: Sequence[tuple[int, ...]]) -> None:
        self._backend = backend
        self._sums = {
            value: backend.empty(shapes[value])
            for value, count in graph.readers().items()
            if count > 1 and value >= len(graph.input_shapes)
        }
        self._given: dict[int, Array] = {}

    def begin(self) -> None:
        """Forget those of the last pass."""
        self._given.clear()

    def take(self, value: int, gradient: Array | None) -> None:
        """Add what one reader of a value returned; None adds nothing."""
        if gradient is None:
            return
        before = self._given.get(value)
        if before is not None:
            self._backend.add(before, gradient, self._sums[value])
            gradient = self._sums[value]
        self._given[value] = gradient

    def of(self, value: int) -> Array | None:
        """The sum; None where nothing came."""
        return self._given.get(value)


class SharedWeights:
    """Gradients of weights that several calls use: a layer called twice, or a model.

    A layer's backward pass writes them; so each call's are added up here, and the sum is put back after the last.

    Args:
        calls: those that are differentiated, in the order of the graph.
    """

    def __init__(self, backend: Backend, calls: Sequence[GraphCall]) -> None:
        self._backend = backend
        uses = [{id(weight): weight for weight in call.layer.weights if weight.has_gradient} for call in calls]
        counts = Counter(key for use in uses for key in use)
        self._uses = [[weight for key, weight in use.items() if counts[key] > 1] for use in uses]
        shared = {id(weight): weight for use in self._uses for weight in use}
        self._sums = {key: backend.empty(weight.shape) for key, weight in shared.items()}
        self._first: dict[int, int] = {}
        self._last: dict[int, int] = {}
        for number, use in enumerate(self._uses):
            for weight in use:
                self._first.setdefault(id(weight), number)
                self._last[id(weight)] = number

    def wrote(self, number: int) -> None:
        """Call `number` has written its weights' gradients."""
        for weight in self._uses[number]:
            key = id(weight)
            total = self._sums[key]
            if number == self._last[key]:  # backward goes through the calls from the last to the first
                self._backend.copy_into(total, weight.gradient)
            else:
                self._backend.add(total, weight.gradient, total)
            if number == self._first[key]:
                self._backend.copy_into(weight.gradient, total)
