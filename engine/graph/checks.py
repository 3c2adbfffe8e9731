"""Checks of a network's data at the door: arrays, lists and dicts of arrays in; a list of checked arrays out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from engine.graph.graph import Graph
from engine.graph.rollout import can_stream, check_rollout
from engine.layers.weight import known
from engine.losses import Loss
from engine.losses.targets import TargetShape
from engine.support.validation import finite_movies
from kernels.arrays import HostArray

Arrays = list[HostArray]
"""One array for each input, or for each output."""


class DataChecks:
    """What data a graph takes.

    Args:
        dtype: that data will be cast to.

    Attributes:
        losses: for each output, what its targets are for; none before compile.
    """

    def __init__(self, graph: Graph, dtype: Any) -> None:
        self._graph, self._dtype = graph, dtype
        self.losses: Sequence[Loss | None] = ()

    def inputs(self, name: str, x: Any) -> Arrays:
        """Validate data for the inputs: they fit them, are of one length, and go through the layers."""
        keys = list(x) if isinstance(x, Mapping) else None
        listed = isinstance(x, list | tuple) and all(hasattr(each, "shape") for each in x)
        arrays_given = list(x.values()) if isinstance(x, Mapping) else list(x) if listed else [x]
        self._graph.prepare([_shape(each)[1:] for each in arrays_given], keys, listed)
        if not self._graph.layers:
            raise ValueError(f"{name}: the network has no layers")
        names, shapes = self._graph.input_names, self._graph.input_shapes
        given = spread(name, x, names, "input", [5 if shape is None else len(shape) + 1 for shape in shapes])
        arrays = []
        for number, (value, shape) in enumerate(zip(given, shapes, strict=True)):
            label = name if len(given) == 1 else f"{name}[{number}] ({names[number]})"
            rank = 5 if shape is None else len(shape) + 1
            if shape is None and len(_shape(value)) in (2, 3, 4):
                rank = len(_shape(value))  # the first layer says whether it can take it
            array = finite_movies(label, value, rank, self._dtype)
            self._check_sizes(label, array.shape, shape)
            arrays.append(array)
        if len({len(array) for array in arrays}) > 1:
            raise ValueError(f"{name}: expected as many movies for each input, got {[len(array) for array in arrays]}")
        self._check_through(name, [array.shape for array in arrays])
        for call in self._graph.calls:
            for number in call.inputs:
                if number < len(arrays):
                    call.layer.check_values(name, arrays[number])
        return arrays

    def targets(self, name: str, y: Any, inputs: Arrays, x_name: str = "x") -> Arrays:
        """Validate targets, shaped as the losses want them for these checked inputs' outputs."""
        shapes = self._graph.output_shapes([array.shape[1:] for array in inputs])
        names = self._graph.output_names
        given = spread(name, y, names, "output", [len(shape) + 1 for shape in shapes])
        losses = self.losses or [None] * len(names)
        of = inputs[0].shape if len(inputs) == 1 else [each.shape for each in inputs]
        arrays = []
        for number, (value, shape, loss) in enumerate(zip(given, shapes, losses, strict=True)):
            label = name if len(given) == 1 else f"{name}[{number}] ({names[number]})"
            expected = TargetShape(label, (len(inputs[0]), *known(shape)), f"{x_name} of shape {of}", loss)
            arrays.append(expected.checked(value, self._dtype))
        return arrays

    def pair(self, x: Any, y: Any, names: tuple[str, str] = ("x", "y")) -> tuple[Arrays, Arrays]:
        """Validate data for the inputs, and targets for the outputs."""
        inputs = self.inputs(names[0], x)
        return inputs, self.targets(names[1], y, inputs, names[0])

    def track(self, name: str, track: HostArray, n_frames: int) -> HostArray:
        """Validate movies (N,T,H,W,C) that the network is to run free from for n_frames frames; returns them cast."""
        graph = self._graph
        if len(graph.input_shapes) != 1 or len(graph.outputs) != 1:
            raise ValueError(
                f"rollout: a network of one input and one output can feed itself, this one has "
                f"{len(graph.input_shapes)} and {len(graph.outputs)}"
            )
        [checked] = self.inputs(name, track)
        if checked.ndim != 5:
            raise ValueError(f"{name}: expected (movies, frames, height, width, channels), got shape {checked.shape}")
        check_rollout(graph, checked.shape[1:])
        if not can_stream(graph):  # the growing track goes through the network
            grown = (len(checked), checked.shape[1] + n_frames - 1, *checked.shape[2:])
            self._check_sizes(name, grown, graph.input_shape)
            self._check_through(name, [grown])
        return checked.astype(self._dtype, copy=False)

    def _check_sizes(self, name: str, movies: tuple[int, ...], expected: Any) -> None:
        if expected is None:
            return
        for axis, size, got in zip(self._axis_names(len(expected)), expected, movies[1:], strict=True):
            if size is not None and size != got:
                raise ValueError(f"{name}: expected {size} {axis}, got {got} (shape {movies})")

    def _check_through(self, name: str, shapes: Sequence[tuple[int, ...]]) -> None:
        try:
            self._graph.output_shapes([shape[1:] for shape in shapes])
        except ValueError as error:
            of = shapes[0] if len(shapes) == 1 else list(shapes)
            raise ValueError(f"{name}: of shape {of} does not go through the network: {error}") from None

    def _axis_names(self, rank: int) -> tuple[str, ...]:
        calls = self._graph.calls
        first = bool(calls) and getattr(calls[0].layer, "data_format", "channels_last") == "channels_first"
        if rank == 4 and not first:
            return ("frames", "height", "width", "channels")
        return tuple(f"entries on axis {axis}" for axis in range(1, rank + 1))


def check_one_batch_size(graph: Graph, sizes: Iterable[int]) -> None:
    """Refuse batches of these sizes if batch_input_shape says another one, or if states cannot be carried on.

    A stateful layer carries its states from one batch to the next.
    """
    stateful = [layer.name for layer in graph.leaves if layer.stateful]
    different = sorted(set(sizes), reverse=True)
    for layer in graph.leaves:
        for size in different:
            layer.check_batch(size)
    if stateful and len(different) > 1:
        raise ValueError(
            f"batch_size: {stateful[0]} is stateful, and carries its states from batch to batch, which must all be of "
            f"one size; got batches of {' and '.join(map(str, different))}. Choose a batch_size that divides the "
            "number of movies, of validation data too, or leave the last ones out"
        )


def _shape(value: Any) -> tuple[int, ...]:
    """The shape of what may be no array; () where it has none."""
    try:
        return tuple(np.shape(value))
    except ValueError:
        return ()


def spread(name: str, value: Any, names: Sequence[str], what: str, ranks: Sequence[int] = ()) -> list[Any]:
    """A value for each input or output, from one, a list, or a dict by their names.

    ranks: how many axes each has, which tells a list of one array from an array that is written as a list.
    """
    if isinstance(value, Mapping):
        missing = [each for each in names if each not in value]
        foreign = [each for each in value if each not in names]
        if missing or foreign:
            raise ValueError(
                f"{name}: expected a value for each {what}, {', '.join(names)}; missing {missing or 'none'}, unknown "
                f"{foreign or 'none'}"
            )
        return [value[each] for each in names]
    if len(names) == 1:
        wrapped = isinstance(value, list | tuple) and len(value) == 1 and ranks and len(_shape(value[0])) == ranks[0]
        return [value[0]] if wrapped else [value]
    if not isinstance(value, list | tuple) or len(value) != len(names):
        got = f"{len(value)} of them" if isinstance(value, list | tuple) else type(value).__name__
        raise ValueError(
            f"{name}: expected a list of {len(names)} arrays, or a dict of them, one for each {what} "
            f"({', '.join(names)}), got {got}"
        )
    return list(value)
