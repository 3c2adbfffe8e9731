"""Work on one batch: an update, or the loss and its gradients."""

import numpy as np

from engine.fitting.batch_sources import checked_weights
from engine.runtime.batch import Batch
from engine.runtime.compiled import Computation
from engine.runtime.placement import Placement
from kernels.arrays import HostArray


def train_on_batch(
    placement: Placement, x: HostArray, y: HostArray, sample_weight: HostArray | None
) -> dict[str, float]:
    """Make one update; returns the loss and the metrics before it, by name."""
    computation, batch = _on_device(placement, x, y, sample_weight)
    backend, names = computation.backend, computation.objective.names
    with backend.lock:
        values = backend.zeros((len(names),), np.float64)
    computation.train_step(batch, values)
    with backend.lock:
        return dict(zip(names, backend.to_host(values).tolist(), strict=True))


def loss_and_gradients(
    placement: Placement, x: HostArray, y: HostArray, sample_weight: HostArray | None
) -> tuple[float, dict[str, HostArray]]:
    """Compute the training-mode loss of a batch, and its gradient by weight name."""
    computation, batch = _on_device(placement, x, y, sample_weight)
    return computation.loss_and_gradients(batch)


def _on_device(
    placement: Placement, x: HostArray, y: HostArray, sample_weight: HostArray | None
) -> tuple[Computation, Batch]:
    """Check a batch, build the network for it, and copy it to the device."""
    x, y = placement.stack.checked_pair(x, y)
    weights = checked_weights("sample_weight", sample_weight, y)
    computation = placement.build_for(x.shape[1:])
    with computation.backend.lock:
        move = computation.backend.from_host
        return computation, Batch(move(x), move(y), None if weights is None else move(weights), np.arange(len(x)))
