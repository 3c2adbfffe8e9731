"""Train the example's network in Keras or here on batches that a file holds, and keep the losses. Can be stopped.

    python -m bench.peers.follow keras|ours float32|float64 FOLDER STEPS THREADS

FOLDER/plan.npz holds movies (M,T,H,W,1), targets, rows (STEPS,B) and weights_000, ... in Keras' order, float32. What is
written: FOLDER/NAME-DTYPE.json with the losses and, every KEEP_EVERY steps and at the end, NAME-DTYPE.npz, from which a
later call goes on.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.peers.work import Work

KEEP_EVERY = 10
State = dict[str, np.ndarray]


class KerasSide:
    """The network in Keras 3 on TensorFlow."""

    def __init__(self, work: Work, threads: int, dtype: str, weights: list[np.ndarray]) -> None:
        from bench.peers.keras_tf import KerasTensorFlow, keras

        keras.config.set_floatx(dtype)
        peer = KerasTensorFlow(work, threads, "")
        self._model, self.step, self.versions = peer.model, peer.train_step, peer.versions
        self._model.set_weights(weights)
        self._model.optimizer.build(self._model.trainable_variables)

    def state(self) -> State:
        """Weights and the optimizer's variables."""
        arrays = [*self._model.get_weights(), *(np.asarray(v) for v in self._model.optimizer.variables)]
        return {f"{number:03d}": array for number, array in enumerate(arrays)}

    def restore(self, state: State) -> None:
        """Go on from a state."""
        arrays = [state[key] for key in sorted(state)]
        weights = len(self._model.weights)
        self._model.set_weights(arrays[:weights])
        for variable, array in zip(self._model.optimizer.variables, arrays[weights:], strict=True):
            variable.assign(array)


class OurSide:
    """This engine's side of the comparison, on the CPU."""

    def __init__(self, work: Work, _threads: int, dtype: str, weights: list[np.ndarray]) -> None:
        from bench.peers.ours import Engine

        peer = Engine(work, dtype)
        self._network, self.step, self.versions = peer.network, peer.train_step, peer.versions
        self._network.set_weights(weights)

    def state(self) -> State:
        """Weights and accumulators."""
        return self._network.state_arrays()

    def restore(self, state: State) -> None:
        """Go on from a state."""
        self._network.load_state_arrays(state)


SIDES: dict[str, Callable[[Work, int, str, list[np.ndarray]], Any]] = {"keras": KerasSide, "ours": OurSide}


def follow(name: str, dtype: str, folder: Path, steps: int, threads: int) -> None:
    """Train until there are `steps` losses."""
    with np.load(folder / "plan.npz", allow_pickle=False) as file:
        plan = dict(file)
    weights = [plan[key] for key in sorted(plan) if key.startswith("weights_")]
    side = SIDES[name](Work.from_json(str(plan["work"])), threads, dtype, weights)
    losses_path, state_path = folder / f"{name}-{dtype}.json", folder / f"{name}-{dtype}.npz"
    losses: list[float] = []
    if state_path.exists():
        with np.load(state_path, allow_pickle=False) as file:
            state = dict(file)
        losses = json.loads(losses_path.read_text())["losses"][: int(state.pop("step"))]
        side.restore(state)
    for step in range(len(losses), steps):
        rows = plan["rows"][step]
        losses.append(float(side.step(plan["movies"][rows], plan["targets"][rows])))
        if (step + 1) % KEEP_EVERY == 0 or step + 1 == steps:
            losses_path.write_text(json.dumps({"versions": side.versions, "losses": losses}))
            np.savez(state_path, step=np.asarray(step + 1), **side.state())


if __name__ == "__main__":
    follow(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
