"""A graph that a function of symbolic tensors writes down when data come: the call() of a Model's subclass."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from engine.graph.functional import FunctionalGraph, tensors_and_keys
from engine.layers import Input
from engine.layers.weight import Shape


class TracedGraph(FunctionalGraph):
    """A FunctionalGraph, once data have said what shapes the inputs have.

    Args:
        call: from one symbolic tensor, a list or a dict of them, as the data are one array, a list or a dict, to those
            that layers give. An argument `training`, if it has one, is None.
    """

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call: Callable[..., Any] | None = call
        self._waiting: list[Callable[[], None]] = []
        self._nothing_yet()

    def when_known(self, work: Callable[[], None]) -> None:
        """Do something when the layers are known."""
        if self._call is None:
            work()
        else:
            self._waiting.append(work)

    def prepare(self, shapes: Sequence[Shape], keys: Sequence[str] | None, listed: bool) -> None:
        """Call the function, unless that was done, for data of these shapes.

        Args:
            shapes: of each input, without the axis of the batch.
            keys: the data's names where they are a dict.
            listed: whether the data are a list.
        """
        if self._call is None:
            return
        begun = [Input(tuple(shape)) for shape in shapes]
        inputs: Any = dict(zip(keys, begun, strict=True)) if keys else begun if listed else begun[0]
        options = {"training": None} if "training" in inspect.signature(self._call).parameters else {}
        outputs = self._call(inputs, **options)
        tensors, names = tensors_and_keys(outputs)
        FunctionalGraph.__init__(self, begun, tensors, list(keys) if keys else None, names)
        self._call = None
        waiting, self._waiting = self._waiting, []
        for work in waiting:
            work()

    @property
    def waits(self) -> bool:  # type: ignore[override]
        return bool(self._waiting)

    def __getstate__(self) -> dict[str, Any]:
        if self._call is not None:
            return {"call": self._call, "waiting": self._waiting}
        return super().__getstate__()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._call, self._waiting = state.get("call"), state.get("waiting", [])
        if self._call is None:
            super().__setstate__(state)
        else:
            self._nothing_yet()

    def _nothing_yet(self) -> None:
        self.inputs, self.results, self.nodes, self._layers, self._calls = [], [], [], [], []
        self._outputs: tuple[int, ...] = ()
        self.input_keys = self.output_keys = None
