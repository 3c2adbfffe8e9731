"""A graph bound to one batch shape: all its memory, its forward and its backward pass.

A value that several calls read gets the sum of the gradients that they return; a weight that several calls use, the sum
of the gradients that they write (engine/runtime/shared.py).
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.graph.graph import Graph
from engine.graph.storage import narrow_calls
from engine.layers.bound_layer import BoundNode
from engine.layers.weight import known, time_major
from engine.optimizers.base import Optimizer
from engine.runtime.objective import Objective
from engine.runtime.parameters import Parameters
from engine.runtime.shared import SharedWeights, ValueGradients
from kernels import Backend
from kernels.arrays import Array

_KEPT_SHAPES = 4
"""Training and validation, each with a full and a last, smaller batch."""


@dataclass(frozen=True)
class BatchShape:
    """What a graph is bound to.

    Attributes:
        inputs: the shape of each input without the axis of the batch, e.g. (T,H,W,C).
        batch: movies.
        training: whether backward follows forward.
        with_loss: whether losses follow the outputs, and so take their logits where they can.
        weights: for each output the shape of its loss's sample weights, without the axis of the batch; None: they are
            all one.
    """

    inputs: tuple[tuple[int, ...], ...]
    batch: int
    training: bool
    with_loss: bool
    weights: tuple[tuple[int, ...] | None, ...] = (None,)


class Repeated:
    """Work that is done again and again on the same arrays: at first as it stands, then as the back end recorded it.

    recorded: False where it goes through the host, and is always done as it stands.
    """

    def __init__(self, backend: Backend, work: Callable[[], None], recorded: bool = True) -> None:
        self._backend, self._work, self._recorded = backend, work, recorded
        self._done_before = False
        self._again: Callable[[], None] | None = None

    def __call__(self) -> None:
        """Do it once more."""
        if not self._done_before or not self._recorded:
            self._work()
            self._done_before = True
            return
        if self._again is None:
            self._again = self._backend.record(self._work)
        self._again()


class BoundGraph:
    """Layers with their plans for one batch shape.

    Attributes:
        inputs: time-major (T,B,H,W,C); write a batch there.
        targets: as the losses want them for the outputs, likewise; none without a loss.
        weights: of the samples, likewise; None where they are all one.
    """

    def __init__(self, backend: Backend, graph: Graph, shape: BatchShape, objective: Objective | None) -> None:
        self._backend, self._graph, self._shape = backend, graph, shape
        self._calls = graph.calls
        if graph.batch_size not in (None, shape.batch):
            raise ValueError(
                f"batch_size: the network's Input is for batches of {graph.batch_size} movies, got one of {shape.batch}"
            )
        shapes = [known(each) for each in graph.value_shapes(shape.inputs)]
        folded = self._folded(objective)
        of_outputs = [shapes[value] for value in graph.outputs]
        self._objective = None if objective is None else objective.bind(backend, of_outputs, shape.batch, folded)
        arrays = [backend.empty(time_major(each, shape.batch)) for each in shape.inputs]
        self.inputs = arrays
        self._values: list[Any] = [*arrays, *(None for _ in shapes[len(arrays) :])]
        self._outputs = graph.outputs
        self._nodes = self._bind(shapes, folded)
        self.targets: list[Array] = []
        self.weights: list[Array | None] = []
        doutputs: list[Array | None] = []
        for number, value in enumerate(self._outputs):
            if objective is None:
                break
            loss, output = objective.losses[number], time_major(shapes[value], shape.batch)
            target = shapes[value] if loss is None else loss.target_shape(shapes[value])
            self.targets.append(backend.empty(time_major(target, shape.batch)))
            doutputs.append(backend.empty(output) if shape.training and loss is not None else None)
            of_weights = shape.weights[number]
            self.weights.append(None if of_weights is None else backend.empty(time_major(of_weights, shape.batch)))
        self._doutputs = doutputs
        weights = [weight for weight in graph.weights if weight.trainable]
        self._penalties = [(weight, weight.regularizer) for weight in weights if weight.regularizer is not None]
        self._constraints = [(weight, weight.constraint) for weight in weights if weight.constraint is not None]
        if shape.training:
            self._needed = self._needs_gradient(len(shapes))
            self._gradients = ValueGradients(backend, graph, [time_major(each, shape.batch) for each in shapes])
            self._differentiated = self._reached_by_gradients()
            self._shared = SharedWeights(backend, [self._calls[number] for number in self._differentiated])
        self._measured = backend.zeros((objective.width if objective is not None else 1,), np.float64)
        self._predict = Repeated(backend, self._forward)
        self._recorded = objective is None or not objective.on_host
        self._evaluate = Repeated(backend, self._forward_with_penalized_loss, self._recorded)
        self._train: Repeated | None = None
        self._trained_by: tuple[Any, ...] = ()

    def _folded(self, objective: Objective | None) -> list[bool]:
        """For each output, whether its loss takes the last layer's logits; nothing else may read that output."""
        readers = self._graph.readers()
        maker = {value: call.layer for call in self._calls for value in call.outputs}
        return [
            objective is not None
            and (loss := objective.losses[number]) is not None
            and value in maker
            and readers[value] == 1
            and loss.folds_in(maker[value].activation_name)
            for number, value in enumerate(self._graph.outputs)
        ]

    def _bind(self, shapes: list[tuple[int, ...]], folded: list[bool]) -> list[BoundNode]:
        shape, readers = self._shape, self._graph.readers()
        logits = {value for value, before in zip(self._graph.outputs, folded, strict=True) if before}
        maker: dict[int, BoundNode] = {}
        nodes = []
        for call, narrow in zip(self._calls, narrow_calls(self._graph), strict=True):
            call.layer.check_batch(shape.batch)
            first = call.inputs[0]
            source = maker[first].conv_lstm if first in maker and readers[first] == 1 else None
            node = call.layer.bind_node(
                self._backend, [shapes[value] for value in call.inputs], shape.batch, shape.training,
                logits=call.outputs[0] in logits, narrow=narrow, source=source,
            )  # fmt: skip
            maker[call.outputs[0]] = node
            nodes.append(node)
        return nodes

    def _needs_gradient(self, values: int) -> list[bool]:
        """For each value, whether weights stand before it."""
        needed = [False] * values
        for call in self._calls:
            before = any(weight.has_gradient for weight in call.layer.weights)
            before = before or any(needed[value] for value in call.inputs)
            for value in call.outputs:
                needed[value] = before
        return needed

    def _reached_by_gradients(self) -> list[int]:
        """The numbers of the calls that backward goes through, in the order of the graph."""
        pairs = zip(self._outputs, self._doutputs, strict=True)
        reached = {value for value, doutput in pairs if doutput is not None}
        found = []
        for number in reversed(range(len(self._calls))):
            call = self._calls[number]
            if self._needed[call.outputs[0]] and reached.intersection(call.outputs):
                found.append(number)
                reached.update(value for value in call.inputs if self._needed[value])
        return found[::-1]

    def predict(self) -> list[Array]:
        """Run the layers on the inputs, in inference mode; returns the outputs (T,B,H,W,K)."""
        self._predict()
        return [self._values[value] for value in self._outputs]

    def evaluate(self, values: Array) -> None:
        """Run the layers in inference mode; values (width,) float64 gets the objective's numbers."""
        self._evaluate()
        self._backend.copy_into(values, self._measured)

    def differentiate(self, values: Array) -> None:
        """Write the gradients of all weights; values (width,) float64 gets the objective's numbers.

        No average and no weight moves.
        """
        self._keep_state(False)
        self._forward_and_backward()
        self._backend.copy_into(values, self._measured)

    def train_step(self, values: Array, optimizer: Optimizer, parameters: Parameters) -> None:
        """One update of the weights; values (width,) float64 gets the objective's numbers before it."""
        self._keep_state(True)
        if self._train is None or not self._is_trained_by(optimizer):

            def step() -> None:
                self._forward_and_backward()
                optimizer.update(self._backend, parameters.values, parameters.gradients)
                for weight, constraint in self._constraints:
                    constraint.apply(self._backend, weight.value)

            self._train = Repeated(self._backend, step, self._recorded)
            self._trained_by = optimizer.state, optimizer.recorded_numbers()
        optimizer.begin_step(self._backend)
        self._train()
        optimizer.end_step()
        self._backend.copy_into(values, self._measured)

    def draw_masks(self, seed: int, step: int) -> None:
        """Draw dropout's masks of one step; the same numbers give the same masks."""
        for number, node in enumerate(self._nodes):
            node.draw(np.random.default_rng([seed, step, number]))

    def _is_trained_by(self, optimizer: Optimizer) -> bool:
        # A recorded step holds the optimizer's numbers and the addresses of its accumulators.
        state, numbers = self._trained_by
        return state is optimizer.state and numbers == optimizer.recorded_numbers()

    def _forward(self) -> None:
        values = self._values
        for call, node in zip(self._calls, self._nodes, strict=True):
            made = node.forward([values[value] for value in call.inputs])
            for value, array in zip(call.outputs, made, strict=True):
                values[value] = array

    def _forward_with_loss(self) -> None:
        assert self._objective is not None
        self._forward()
        outputs = [self._values[value] for value in self._outputs]
        self._objective.measure(outputs, self.targets, self.weights, self._measured, self._doutputs)

    def _backward(self) -> None:
        gradients = self._gradients
        gradients.begin()
        for value, doutput in zip(self._outputs, self._doutputs, strict=True):
            gradients.take(value, doutput)
        for place, number in reversed(list(enumerate(self._differentiated))):
            call = self._calls[number]
            douts = [gradients.of(value) for value in call.outputs]
            dins = self._nodes[number].backward(douts, [self._needed[value] for value in call.inputs])
            self._shared.wrote(place)
            for value, din in zip(call.inputs, dins, strict=True):
                gradients.take(value, din)

    def _forward_and_backward(self) -> None:
        self._forward_with_loss()
        self._backward()
        self._add_penalties(with_gradient=True)

    def _forward_with_penalized_loss(self) -> None:
        self._forward_with_loss()
        self._add_penalties(with_gradient=False)

    def _add_penalties(self, with_gradient: bool) -> None:
        for weight, regularizer in self._penalties:
            regularizer.add(self._backend, weight.value, self._measured[:1], weight.gradient if with_gradient else None)

    def _keep_state(self, keep: bool) -> None:
        for node in self._nodes:
            node.keep_state(keep)


class BoundGraphs:
    """The last few bound graphs; a shape that comes again finds its memory ready."""

    def __init__(self, backend: Backend, graph: Graph) -> None:
        self._backend, self._graph = backend, graph
        self._kept: OrderedDict[tuple[BatchShape, Objective | None], BoundGraph] = OrderedDict()

    def get(self, shape: BatchShape, objective: Objective | None) -> BoundGraph:
        """The graph bound to `shape`; `objective` is None unless shape.with_loss."""
        key = (shape, objective)
        if key not in self._kept:
            if len(self._kept) >= _KEPT_SHAPES:
                self._kept.popitem(last=False)
            self._kept[key] = BoundGraph(self._backend, self._graph, shape, objective)
        self._kept.move_to_end(key)
        return self._kept[key]
