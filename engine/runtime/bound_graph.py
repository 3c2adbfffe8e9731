"""A network bound to one batch shape: all its memory, its forward and its backward pass."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.graph.storage import narrow_between
from engine.layers.layer import BoundLayer, Layer
from engine.layers.weight import known, time_major
from engine.optimizers.base import Optimizer
from engine.runtime.objective import Objective
from engine.runtime.parameters import Parameters
from kernels import Backend
from kernels.arrays import Array

_KEPT_SHAPES = 4
"""Training and validation, each with a full and a last, smaller batch."""


@dataclass(frozen=True)
class BatchShape:
    """What a network is bound to.

    Attributes:
        movie: the input's shape without the movies' axis, e.g. (T,H,W,C).
        batch: movies.
        training: whether backward follows forward.
        with_loss: whether a loss follows the last layer, and so takes its logits where it can.
        weights: shape of the loss's sample weights, without the movies' axis; None: they are all one.
    """

    movie: tuple[int, ...]
    batch: int
    training: bool
    with_loss: bool
    weights: tuple[int, ...] | None = None


class Repeated:
    """Work that is done again and again on the same arrays: at first as it stands, then as the back end recorded it."""

    def __init__(self, backend: Backend, work: Callable[[], None]) -> None:
        self._backend, self._work = backend, work
        self._done_before = False
        self._again: Callable[[], None] | None = None

    def __call__(self) -> None:
        """Do it once more."""
        if not self._done_before:
            self._work()
            self._done_before = True
            return
        if self._again is None:
            self._again = self._backend.record(self._work)
        self._again()


class BoundNetwork:
    """Layers with their plans for one batch shape.

    Attributes:
        x: the input, time-major (T,B,H,W,C); write a batch here.
        target: like the output, likewise; None without a loss.
        weights: of the samples, likewise; None where they are all one.
    """

    def __init__(self, backend: Backend, layers: list[Layer], shape: BatchShape, objective: Objective | None) -> None:
        self._backend, self._shape = backend, shape
        folded = objective is not None and objective.loss.folds_in(layers[-1].activation_name)
        self._objective = None if objective is None else objective.bind(backend, folded)
        self.x = backend.empty(time_major(shape.movie, shape.batch))
        self.target: Array | None = None
        self.weights: Array | None = None
        self._doutput: Array | None = None
        self._output: Array
        self._layers: list[BoundLayer] = []
        movie = shape.movie
        for layer, narrow in zip(layers, narrow_between(layers), strict=True):
            layer.check_batch(shape.batch)
            logits = folded and layer is layers[-1]
            source = self._layers[-1].conv_lstm if self._layers else None
            self._layers.append(layer.bind(backend, movie, shape.batch, shape.training, logits, narrow, source))
            movie = known(layer.output_shape(movie))
        weights = [weight for layer in layers for weight in layer.weights if weight.trainable]
        self._penalties = [(weight, weight.regularizer) for weight in weights if weight.regularizer is not None]
        self._constraints = [(weight, weight.constraint) for weight in weights if weight.constraint is not None]
        if objective is not None:
            self.target = backend.empty(time_major(movie, shape.batch))
            self._doutput = backend.empty(self.target.shape) if shape.training else None
        if shape.weights is not None:
            self.weights = backend.empty(time_major(shape.weights, shape.batch))
        self._values = backend.zeros((len(objective.names) if objective is not None else 1,), np.float64)
        self._predict = Repeated(backend, self._forward)
        self._evaluate = Repeated(backend, self._forward_with_penalized_loss)
        self._train: Repeated | None = None
        self._trained_by: tuple[Any, ...] = ()

    def predict(self) -> Array:
        """Run the layers on x, in inference mode; returns the output (T,B,H,W,K)."""
        self._predict()
        return self._output

    def evaluate(self, values: Array) -> None:
        """Run the layers in inference mode; values (names,) float64 gets the objective's numbers against target."""
        self._evaluate()
        self._backend.copy_into(values, self._values)

    def differentiate(self, loss: Array) -> None:
        """Write the gradients of all weights; loss (1,) float64 gets the loss. No average and no weight moves."""
        self._keep_state(False)
        self._forward_and_backward()
        self._backend.copy_into(loss, self._values[:1])

    def train_step(self, values: Array, optimizer: Optimizer, parameters: Parameters) -> None:
        """One update of the weights; values (names,) float64 gets the objective's numbers before it."""
        self._keep_state(True)
        if self._train is None or not self._is_trained_by(optimizer):

            def step() -> None:
                self._forward_and_backward()
                optimizer.update(self._backend, parameters.values, parameters.gradients)
                for weight, constraint in self._constraints:
                    constraint.apply(self._backend, weight.value)

            self._train = Repeated(self._backend, step)
            self._trained_by = optimizer.state, optimizer.recorded_numbers()
        optimizer.begin_step(self._backend)
        self._train()
        optimizer.end_step()
        self._backend.copy_into(values, self._values)

    def _is_trained_by(self, optimizer: Optimizer) -> bool:
        # A recorded step holds the optimizer's numbers and the addresses of its accumulators.
        state, numbers = self._trained_by
        return state is optimizer.state and numbers == optimizer.recorded_numbers()

    def _forward(self) -> None:
        y = self.x
        for layer in self._layers:
            y = layer.forward(y)
        self._output = y

    def draw_masks(self, seed: int, step: int) -> None:
        """Draw dropout's masks of one step; the same numbers give the same masks."""
        for number, layer in enumerate(self._layers):
            layer.draw(np.random.default_rng([seed, step, number]))

    def _forward_with_loss(self) -> None:
        assert self._objective is not None and self.target is not None
        self._forward()
        self._objective.measure(self._output, self.target, self.weights, self._values, self._doutput)

    def _backward(self) -> None:
        dy: Any = self._doutput
        for number, layer in reversed(list(enumerate(self._layers))):
            dy = layer.backward(dy, need_dx=number > 0)

    def _forward_and_backward(self) -> None:
        self._forward_with_loss()
        self._backward()
        self._add_penalties(with_gradient=True)

    def _forward_with_penalized_loss(self) -> None:
        self._forward_with_loss()
        self._add_penalties(with_gradient=False)

    def _add_penalties(self, with_gradient: bool) -> None:
        for weight, regularizer in self._penalties:
            regularizer.add(self._backend, weight.value, self._values[:1], weight.gradient if with_gradient else None)

    def _keep_state(self, keep: bool) -> None:
        for layer in self._layers:
            layer.keep_state(keep)


class BoundNetworks:
    """The last few bound networks; a shape that comes again finds its memory ready."""

    def __init__(self, backend: Backend, layers: list[Layer]) -> None:
        self._backend, self._layers = backend, layers
        self._kept: OrderedDict[tuple[BatchShape, Objective | None], BoundNetwork] = OrderedDict()

    def get(self, shape: BatchShape, objective: Objective | None) -> BoundNetwork:
        """The network bound to `shape`; `objective` is None unless shape.with_loss."""
        key = (shape, objective)
        if key not in self._kept:
            if len(self._kept) >= _KEPT_SHAPES:
                self._kept.popitem(last=False)
            self._kept[key] = BoundNetwork(self._backend, self._layers, shape, objective)
        self._kept.move_to_end(key)
        return self._kept[key]
