"""The training loop, one event at a time, resumable bit for bit after any of them.

The order of the movies in an epoch depends on (seed, epoch) alone, and a step on the network's state and its batch. So
where the loop stands is said by two numbers and the losses so far.
"""

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from engine.callbacks.callback_list import CallbackList
from engine.fitting.batch_sources import ArraySource, BatchSource, triple_of
from engine.fitting.evaluate import evaluate
from engine.fitting.events import EpochDone, StepDone
from engine.fitting.trainable import Trainable
from engine.graph.checks import Arrays
from engine.runtime.batch import Batch
from engine.runtime.compiled import Computation
from engine.support.validation import positive_int
from kernels.arrays import HostArray

_FIRST_CAPACITY = 64
"""Steps that an epoch of unknown length has room for at first."""


class NonFiniteLossError(ArithmeticError):
    """A batch's loss was NaN or infinite: training has diverged, or the learning rate is too high."""


class FitLoop:
    """Iterate to train; every item is a StepDone or an EpochDone.

    Args:
        network: built and compiled.
        batches: what it is trained on.
        epochs: how many epochs, counted from the very beginning (also when resumed, or begun at initial_epoch).
        validation: to evaluate after each epoch.
        validation_freq: after every so many epochs only, or after those listed, counted from 1.
        initial_epoch: the first epoch's number, from 0.
        callbacks: called at all their moments, before the event that closes a step or an epoch is handed out.
        refuse_non_finite: raise NonFiniteLossError at the latest at the end of an epoch (default True).

    It ends early where a callback sets network.stop_training, or the data run out before their time.
    """

    def __init__(
        self,
        network: Trainable,
        batches: BatchSource,
        *,
        epochs: int,
        validation: BatchSource | None = None,
        validation_freq: int | Sequence[int] = 1,
        initial_epoch: int = 0,
        callbacks: CallbackList | None = None,
        refuse_non_finite: bool = True,
    ) -> None:
        self._network, self._batches, self._validation = network, batches, validation
        self._epochs = positive_int("epochs", epochs)
        self._validation_freq = _checked_freq(validation_freq)
        self._callbacks = callbacks or CallbackList()
        self._refuse_non_finite = refuse_non_finite
        self._objective = self._computation.objective
        self._epoch, self._step = initial_epoch, 0
        self._sizes: list[int] = []
        backend = self._computation.backend
        with backend.lock:
            self._values = backend.zeros((batches.steps or _FIRST_CAPACITY, self._objective.width), np.float64)
        self._ran_out = False

    @classmethod
    def on_arrays(
        cls,
        network: Trainable,
        x: HostArray | Arrays,
        y: HostArray | Arrays,
        *,
        batch_size: int,
        epochs: int,
        validation_data: tuple[HostArray | Arrays, HostArray | Arrays] | None = None,
        shuffle: bool = True,
        seed: int = 0,
    ) -> "FitLoop":
        """Train on movies and targets (N,T,H,W,C), (N,T,H,W,K), checked; seed is that of the batches' order.

        Lists of arrays for networks of several inputs or outputs.
        """
        backend = network.placement.computation.backend
        batches = ArraySource(backend, triple_of(x, y), batch_size, shuffle, seed)
        validation = None
        if validation_data is not None:
            validation = ArraySource(backend, triple_of(*validation_data), batch_size)
        return cls(network, batches, epochs=epochs, validation=validation)

    @property
    def steps_per_epoch(self) -> int | None:
        """Batches in an epoch; None where only its end will tell."""
        return self._batches.steps

    @property
    def _computation(self) -> Computation:
        return self._network.placement.computation

    def __iter__(self) -> Iterator[StepDone | EpochDone]:
        while self._epoch < self._epochs and not self._network.stop_training and not self._ran_out:
            self._callbacks.on_epoch_begin(self._epoch)
            for batch in self._batches.epoch(self._epoch, self._step):
                self._callbacks.on_train_batch_begin(self._step)
                yield self._train_step(batch)
                if self._network.stop_training:
                    break
            self._see_whether_it_ran_out()
            if self._step:
                yield self._end_epoch()

    def state(self) -> dict[str, Any]:
        """Return where the loop stands, JSON-able, to resume from with the state arrays; refuses a non-finite loss."""
        if not isinstance(self._batches, ArraySource):
            raise ValueError("state: only training on arrays can be gone on with; batches that were iterated are gone")
        values = self._finite_values(self._step).tolist()
        return {"epoch": self._epoch, "step": self._step, "losses": values, "seed": self._batches.seed}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from where `state` was taken; the network's state arrays are restored by the caller."""
        steps, batches = self.steps_per_epoch, self._batches
        if not isinstance(batches, ArraySource) or steps is None:
            raise ValueError("state: only training on arrays can be gone on with")
        if state["step"] > steps or len(state["losses"]) != state["step"]:
            raise ValueError(
                f"state: step {state['step']} with {len(state['losses'])} losses does not fit {steps} steps an epoch; "
                "resume with the same data and batch size"
            )
        values = np.zeros((steps, self._objective.width))
        values[: state["step"]] = np.reshape(state["losses"], (state["step"], self._objective.width))
        self._epoch, self._step = int(state["epoch"]), int(state["step"])
        batches.seed = int(state["seed"])
        self._sizes = batches.sizes[: self._step]
        backend = self._computation.backend
        with backend.lock:
            backend.copy_into(self._values, values)

    def _train_step(self, batch: Batch) -> StepDone:
        step = self._step
        self._make_room(step + 1)
        self._computation.train_step(batch, self._values[step])
        self._step += 1
        self._sizes.append(batch.size)
        self._callbacks.on_train_batch_end(step, lambda: self._means(self._step))
        steps = self.steps_per_epoch
        return StepDone(
            epoch=self._epoch,
            step=step,
            steps_per_epoch=steps,
            global_step=self._epoch * steps + step + 1 if steps else self._computation.iterations,
            batch_size=batch.size,
            read_loss=lambda: self._read_loss(step),
        )

    def _end_epoch(self) -> EpochDone:
        logs = self._means(self._step)
        epoch = self._epoch
        if self._validation is not None and self._validates(epoch):
            found = evaluate(self._computation, self._validation, self._callbacks)
            logs.update({f"val_{name}": value for name, value in found.items()})
        self._epoch, self._step, self._sizes = epoch + 1, 0, []
        self._callbacks.on_epoch_end(epoch, logs)
        return EpochDone(epoch, logs)

    def _means(self, steps: int) -> dict[str, float]:
        """Return means over the first steps of this epoch, weighted by their numbers of movies."""
        return self._objective.results(self._finite_values(steps), self._sizes[:steps])

    def _validates(self, epoch: int) -> bool:
        if isinstance(self._validation_freq, int):
            return (epoch + 1) % self._validation_freq == 0
        return epoch + 1 in self._validation_freq

    def _see_whether_it_ran_out(self) -> None:
        planned = self.steps_per_epoch
        if self._network.stop_training or (self._step > 0 and planned in (None, self._step)):
            return
        self._ran_out = True
        warnings.warn(
            f"the data ran out after {self._step} batches of epoch {self._epoch + 1}, and training ends; give "
            "steps_per_epoch times epochs batches",
            stacklevel=3,
        )

    def _make_room(self, steps: int) -> None:
        """Grow the array of numbers in an epoch of unknown length."""
        capacity = self._values.shape[0]
        if steps > capacity:
            backend, grown = self._computation.backend, 2 * capacity
            with backend.lock:
                values = backend.zeros((grown, self._objective.width), np.float64)
                backend.copy_into(values[:capacity], self._values)
            self._values = values

    def _finite_values(self, steps: int) -> HostArray:
        backend = self._computation.backend
        with backend.lock:
            values = backend.to_host(self._values)[:steps]
        losses = self._objective.totals(values)[:, 0]
        bad = np.flatnonzero(~np.isfinite(losses))
        if bad.size and self._refuse_non_finite:
            self._refuse(int(bad[0]), float(losses[bad[0]]))
        return values

    def _read_loss(self, step: int) -> float:
        return float(self._objective.totals(self._finite_values(step + 1))[step, 0])

    def _refuse(self, step: int, loss: float) -> None:
        steps = self.steps_per_epoch
        at = f"step {self._epoch * steps + step + 1} " if steps else ""
        raise NonFiniteLossError(
            f"the loss became {loss} at {at}(epoch {self._epoch + 1}, batch {step + 1}"
            f"{f' of {steps}' if steps else ''}); training has diverged: "
            "lower the learning rate, or look at the data of that batch"
        )


def _checked_freq(value: Any) -> int | list[int]:
    if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str):
        return [positive_int("validation_freq", epoch) for epoch in value]
    return positive_int("validation_freq", value)
