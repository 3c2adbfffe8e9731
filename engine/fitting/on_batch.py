"""Work on one batch: an update, or the loss and its gradients."""

from typing import Any

import numpy as np

from engine.fitting.batch_maker import BatchMaker
from engine.fitting.batch_sources import batch_on_device
from engine.runtime.batch import Batch
from engine.runtime.compiled import Computation
from engine.runtime.placement import Placement
from kernels.arrays import HostArray


def train_on_batch(placement: Placement, x: Any, y: Any, sample_weight: Any) -> dict[str, float]:
    """Make one update; returns the loss and the metrics before it, by name."""
    computation, batch = _on_device(placement, x, y, sample_weight)
    backend, objective = computation.backend, computation.objective
    with backend.lock:
        values = backend.zeros((objective.width,), np.float64)
    computation.train_step(batch, values)
    with backend.lock:
        return objective.results(backend.to_host(values)[np.newaxis], [batch.size])


def loss_and_gradients(placement: Placement, x: Any, y: Any, sample_weight: Any) -> tuple[float, dict[str, HostArray]]:
    """Compute the training-mode loss of a batch, and its gradient by weight name."""
    computation, batch = _on_device(placement, x, y, sample_weight)
    return computation.loss_and_gradients(batch)


def _on_device(placement: Placement, x: Any, y: Any, sample_weight: Any) -> tuple[Computation, Batch]:
    """Check a batch, build the network for it, and copy it to the device."""
    triple = BatchMaker(placement).triple((x, y, sample_weight))
    computation = placement.build_for(triple[0][0].shape[1:])
    return computation, batch_on_device(computation.backend, triple)
