"""Where a graph runs: the device asked for and, from the first call that needs it on, the layers on it."""

import logging
import threading
from typing import Any

import numpy as np

from engine.graph.checks import DataChecks
from engine.graph.graph import Graph
from engine.layers.weight import Shape
from engine.optimizers.base import Optimizer
from engine.runtime.compiled import Computation
from engine.runtime.locks import Locks
from engine.runtime.objective import Objective
from engine.support.validation import integer
from kernels.select import choose_device, open_backend

_log = logging.getLogger("engine")

BUILDING = threading.RLock()
"""Held while any network is built or compiled; taken before the locks of layers."""

_ARRAYS = "arrays, and what was trainable"


class Placement:
    """A graph, its device, and what compile was given.

    copy.deepcopy and pickle go through host arrays and give a placement of its own, on a back end of its own: plans and
    recorded steps hold addresses, so they are never copied.

    Attributes:
        graph: the layers.
        checks: what data they take.
        device, device_reason: the device that was chosen, and why, for people.
        dtype: of the arrays.
        seed: what the random numbers began with.
        objective, optimizer: as the last compile gave them; None before.

    Args:
        graph, device, dtype, precision, seed: as for Sequential.
    """

    def __init__(self, graph: Graph, device: str, dtype: Any, precision: str, seed: int | None) -> None:
        self.device, self.device_reason = choose_device(device)
        self.dtype, self._precision = _checked_dtype(dtype), precision
        self.seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else integer("seed", seed, 0)
        self._random = np.random.default_rng(self.seed)
        self.graph = graph
        self.checks = DataChecks(graph, self.dtype)
        self.objective: Objective | None = None
        self.optimizer: Optimizer | None = None
        self._identity = object()
        """Who the optimizer belongs to; not the placement itself, whose memory no circle of references shall keep."""
        self._computation: Computation | None = None

    @property
    def built(self) -> bool:
        """Whether the weights are on the device."""
        return self._computation is not None

    @property
    def computation(self) -> Computation:
        """The layers on their device; ValueError before they are built."""
        if self._computation is None:
            raise ValueError("the network is not built: give the first layer input_shape, or call build() first")
        return self._computation

    def build(self, input_shape: Shape | None = None) -> Computation:
        """Create the weights and put them on the device, unless they are there.

        input_shape serves where the first layer has none.
        """
        if self._computation is not None:
            return self._computation
        with BUILDING, Locks(self.graph):
            if self._computation is None:  # else built by another thread, meanwhile
                self._check_places()
                self.graph.build(input_shape, self._random)
                backend = open_backend(self.device, self.dtype, self._precision)
                _log.info("%s; %s", self.device_reason, backend.description)
                self._computation = Computation(
                    backend, self.graph, self.seed, self._place, self.objective, self.optimizer
                )
            return self._computation

    def build_for(self, data_shape: Shape) -> Computation:
        """Build for data of this shape: where the first layer has no input_shape, for as many channels and any size."""
        if self._computation is not None:
            return self._computation
        with BUILDING, Locks(self.graph):
            return self.build(self.graph.input_shape or self.graph.generalised(data_shape))

    def unbuild(self) -> None:
        """Forget what was built; the weights that there are stay, and the next build goes on from them."""
        with BUILDING:
            self._computation = None

    def compile(self, objective: Objective, optimizer: Optimizer) -> None:
        """Train by these from now on; layers' `trainable` counts as it stands now."""
        with BUILDING, Locks(self.graph):
            optimizer.claim(self._identity)
            if self.optimizer not in (None, optimizer):
                self.optimizer.release()
            self.objective, self.optimizer = objective, optimizer
            self.checks.losses = objective.losses
            if self._computation is not None:
                self._computation = self._computation.compiled_again(objective, optimizer)

    def draw_seed(self) -> int:
        """Draw a seed from the random numbers that `seed` began."""
        return int(self._random.integers(2**63))

    def __getstate__(self) -> dict[str, Any]:
        kept = self.__dict__ | {"_computation": None, "_identity": None}
        if self._computation is not None:
            kept[_ARRAYS] = self._computation.state_arrays(), self._computation.trainable
        return kept

    def __setstate__(self, kept: dict[str, Any]) -> None:
        """Restore a copy. Raises ValueError: its device is not on this machine."""
        arrays, trainable = kept.pop(_ARRAYS, (None, []))
        self.__dict__.update(kept, _identity=object())
        if self.optimizer is not None:
            self.optimizer.claim(self._identity)
        if arrays is None:
            return
        now = [layer.trainable for layer in self.graph]
        self._set_trainable(trainable)  # the optimizer's slots are those of the weights that were trained then
        self.build().load_state_arrays(arrays)
        self._set_trainable(now)

    def _set_trainable(self, trainable: list[bool]) -> None:
        for layer, value in zip(self.graph, trainable, strict=True):
            layer.trainable = value

    @property
    def _place(self) -> str:
        return f"device {self.device!r} in {self.dtype.name}"

    def _check_places(self) -> None:
        for layer in self.graph:
            place = layer.weights[0].place if layer.weights else None
            if place not in (None, self._place):
                raise ValueError(
                    f"layers: expected layers of no network, or of one on {self._place} as this one is, got "
                    f"{layer.name} of one on {place}; networks share layers on one device in one dtype, and "
                    "copy.deepcopy(layer) is of no network"
                )


def _checked_dtype(dtype: Any) -> np.dtype[Any]:
    try:
        checked = np.dtype(dtype)
    except TypeError:
        checked = None
    if checked not in (np.float32, np.float64):
        raise ValueError(f"dtype: expected 'float32' or 'float64', got {dtype!r}")
    return checked
